//! The tests of quality control and their texts.

use dustwatch_config::Settings;

use crate::sql;

/// What a test is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Each monitor for itself.
    Monitor,
    /// All monitors together, by their hourly means.
    Network,
}

/// One test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Test {
    /// Its name in settings and flags.
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    /// The question.
    pub(super) text: &'static str,
}

const fn monitor(name: &'static str, text: &'static str) -> Test {
    Test {
        name,
        scope: Scope::Monitor,
        text,
    }
}

/// Every test that can be evaluated. There is no q10: no column tells averages from instantaneous values.
pub(super) static ALL: [Test; 10] = [
    monitor("q1", sql::QC_Q1),
    monitor("q2", sql::QC_Q2),
    monitor("q3", sql::QC_Q3),
    monitor("q4", sql::QC_Q4),
    monitor("q5", sql::QC_Q5),
    Test {
        name: "q6",
        scope: Scope::Network,
        text: sql::QC_Q6,
    },
    monitor("q7", sql::QC_Q7),
    monitor("q8", sql::QC_Q8),
    monitor("q9", sql::QC_Q9),
    monitor("q11", sql::QC_Q11),
];

/// The tests that the settings ask for.
pub(super) fn wanted(settings: &Settings, scope: Scope) -> impl Iterator<Item = &'static Test> {
    let named = &settings.qc.tests;
    ALL.iter()
        .filter(move |test| test.scope == scope && named.iter().any(|name| name == test.name))
}
