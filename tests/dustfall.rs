//! Promise: a laboratory's dustfall becomes the figures of HJ 1221-2021 and the plan's verdicts; what cannot be a result
//! is refused or flagged by line and reason, and the rest is taken.
#![allow(clippy::unwrap_used)]

mod support;

use support::csv::Table;
use support::dustfall::{Point, import, report, world};
use support::fraction::{Fraction, print};
use support::oracle::percent;
use support::world::{Place, World};

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110109002", "城子街道")
        .township("110109006", "永定镇")
        .township("110109107", "清水镇")
}

const POINTS: [Point<'static>; 6] = [
    ("DY-1", "110109001", ",15.0,,"),
    ("DY-2", "110109001", ",15.0,,"),
    ("DY-3", "110109001", ",15.0,,"),
    ("CZ-1", "110109002", ",15.0,,"),
    ("YD-1", "110109006", ",,,"),
    ("QS-1", "110109107", "ZYJCY2019012200000000001,,353.25,30"),
];

const HEADER: &str = "site,sample,exposed_from,exposed_to,exposure_days,m1_g,m0_g,m2_g,diameter_cm,note";

fn monthly() -> World {
    world(
        &place(),
        &POINTS,
        "[rules]\nr4_period = \"month\"\nr3_basis = \"yoy\"",
    )
}

/// Worked examples 1 to 4 of the method.
#[test]
fn weighings_become_the_results_of_the_worked_examples() {
    let world = monthly();
    let lines = "DY-1,S1,2019-07-30,2019-08-29,30.2,32.4815,32.3627,0.0035,15.0,\n\
                 CZ-1,S2,2019-07-30,2019-08-30,31.0,41.2093,41.0828,0.0035,15.0,\n\
                 YD-1,S3,2019-07-30,2019-08-28,29.0,28.9150,28.8420,0.0041,14.8,无异常\n\
                 QS-1,S4,2019-07-30,2019-08-29,30.0,30.0070,30.0020,0.0038,15.0,\n";
    let (listed, said) = import(&world, "lab.csv", &format!("{HEADER}\n{lines}"), &[]);
    assert_eq!(listed.rows.len(), 0, "{listed:?}");
    assert!(
        said.contains("4 lines: 4 new, 0 corrected, 0 unchanged, 0 of them flagged; 0 refused"),
        "{said}"
    );
    let exact = world.query(
        "SELECT sample, CAST(deposition AS DECIMAL(12, 4)) AS w, CAST(area_cm2 AS DECIMAL(9, 3)) AS s, status, month \
         FROM dustfall ORDER BY sample",
    );
    assert_eq!(
        exact.rows,
        [
            ["S1", "6.4814", "176.715", "valid", "2019-08"],
            ["S2", "6.7358", "176.715", "valid", "2019-08"],
            ["S3", "4.1431", "172.034", "valid", "2019-08"],
            ["S4", "0.0679", "176.715", "below_detection", "2019-08"],
        ]
    );
    let columns = ["code", "value", "rank", "month_verdict"];
    assert_eq!(
        report(&world, "2019-08", "township", &columns),
        [
            ["110109107", "<0.3", "1", "compliant"],
            ["110109006", "4.1", "2", "compliant"],
            ["110109001", "6.5", "3", "compliant"],
            ["110109002", "6.7", "4", "exceeds"],
        ]
    );
}

fn results(lines: &[(&str, &str, &str)]) -> String {
    let lines = lines
        .iter()
        .map(|(site, month, value)| format!("{site},{month},{value}\n"));
    format!("site,month,value_t_km2_30d\n{}", lines.collect::<String>())
}

/// Worked example 5: half to even, once, from the unrounded points.
#[test]
fn a_township_is_the_mean_of_its_unrounded_points() {
    let world = monthly();
    let text = results(&[
        ("DY-1", "2019-08", "6.2"),
        ("DY-2", "2019-08", "6.9"),
        ("DY-3", "2019-08", "6.25"),
        ("DY-1", "2019-09", "6.3"),
        ("DY-2", "2019-09", "6.9"),
        ("DY-3", "2019-09", "6.45"),
    ]);
    import(&world, "results.csv", &text, &[]);
    let months = world.query("SELECT month, points, value FROM dustfall_monthly ORDER BY month");
    assert_eq!(months.rows, [["2019-08", "3", "6.4"], ["2019-09", "3", "6.6"]]);
}

/// Worked example 6: a rise against last year, and a year that meets the limit although four months exceed it.
#[test]
fn a_rise_is_told_and_the_year_is_judged_by_the_mean_of_its_months() {
    let world = world(&place(), &POINTS, "");
    let year = [
        "7.1", "6.0", "8.4", "9.2", "8.8", "6.3", "5.1", "4.9", "5.0", "5.3", "5.6", "4.7",
    ];
    let months: Vec<String> = (1..=12).map(|m| format!("2019-{m:02}")).collect();
    let mut lines: Vec<(&str, &str, &str)> = months
        .iter()
        .zip(year)
        .map(|(month, value)| ("DY-1", month.as_str(), value))
        .collect();
    lines.extend([
        ("CZ-1", "2018-08", "6.2"),
        ("CZ-1", "2019-07", "7.0"),
        ("CZ-1", "2019-08", "6.6"),
    ]);
    import(&world, "results.csv", &results(&lines), &[]);

    let columns = [
        "code",
        "value",
        "last_year_percent",
        "change_percent",
        "rose",
        "verdict",
    ];
    let august = report(&world, "2019-08", "township", &columns);
    let change = |now, base| percent(Some(now), Some(base)).unwrap();
    assert_eq!(
        august[1],
        ["110109002", "6.6", "6.5", &change(66, 70), "true", "exceeds"],
        "the mean of July and August, 6.8, exceeds"
    );
    assert_eq!(
        august[0][..5],
        ["110109001", "4.9", "", &change(49, 51), "false"],
        "no last year: last month"
    );
    let columns = [
        "code",
        "value",
        "mean",
        "months",
        "verdict",
        "month_verdict",
        "cumulative_value",
        "status",
    ];
    let whole = report(&world, "2019", "township", &columns);
    assert_eq!(
        whole[0],
        [
            "110109001",
            "6.4",
            "6.366666667",
            "12",
            "compliant",
            "",
            "6.4",
            "ranked"
        ]
    );
    assert_eq!(
        whole.iter().find(|row| row[0] == "110109002").unwrap()[..],
        [
            "110109002",
            "",
            "",
            "2",
            "exceeds",
            "",
            "6.8",
            "insufficient_data"
        ],
        "two months are no year, but the year so far is judged"
    );
    let exceeding =
        world.query("SELECT count(*) FROM dustfall_monthly WHERE township = '110109001' AND value > 6.5");
    assert_eq!(exceeding.cell(), "4");
}

#[test]
fn what_cannot_be_a_result_is_refused_by_line_and_the_rest_is_taken() {
    let world = monthly();
    let lines = [
        "DY-1,S1,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-2,S2,2019-07-30,2019-08-29,30.0,32481.5,32362.7,0.0035,15.0,",
        "DY-2,S3,2019-07-30,2019-08-29,30.0,32.4815,32.3627,3.5,15.0,",
        "DY-2,S1,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
        "XX-1,S5,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-1,S6,2019-08-20,2019-09-19,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-1,S7,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-3,S8,2019-08-29,2019-07-30,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-3,S9,2999-07-30,2999-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
        "DY-3,S10,2019-07-30,2019-08-29,45.0,32.4815,32.3627,0.0035,15.0,",
        "DY-3,S11,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,150,",
        "YD-1,S12,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,,",
        "DY-3,S13,2019-07-30,2019-08-29,30.0,,32.3627,0.0035,15.0,",
        "DY-3,S14,2019-07-30,2019-08-29,30.0,32.48153333,32.3627,0.0035,15.0,",
        "DY-3,S15,2019-07-30,2019-08-29,30.0,32.4815",
        "DY-3 降尘点,S16,2019-07-30,2019-08-29,30.0,32.4815,32.3627,0.0035,15.0,",
    ];
    let (listed, said) = import(
        &world,
        "lab.csv",
        &format!("{HEADER}\n{}\n", lines.join("\n")),
        &[],
    );
    let refused: Vec<(&str, &str, &str)> = listed
        .rows
        .iter()
        .map(|row| (row[1].as_str(), row[2].as_str(), row[3].as_str()))
        .collect();
    let expected = [
        ("3", "unit_mg"),
        ("4", "unit_mg"),
        ("5", "duplicate_sample"),
        ("6", "unknown_site"),
        ("7", "overlapping_exposure"),
        ("8", "overlapping_exposure"),
        ("9", "reversed_dates"),
        ("10", "future_date"),
        ("11", "days_disagree"),
        ("12", "bad_collector"),
        ("13", "no_collector"),
        ("14", "empty_cell"),
        ("15", "bad_cell"),
        ("16", "bad_line"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(line, why)| (*line, "refused", *why))
        .collect();
    assert_eq!(refused, expected);
    assert!(listed.rows.iter().all(|row| !row[4].is_empty()), "{listed:?}");
    assert!(
        said.contains("16 lines: 2 new, 0 corrected, 0 unchanged, 0 of them flagged; 14 refused"),
        "{said}"
    );
    assert_eq!(
        world
            .query("SELECT site, source FROM dustfall ORDER BY site")
            .rows,
        [["DY-1", "lab.csv:2"], ["DY-3", "lab.csv:17"]],
        "a point is known by its name too"
    );
}

#[test]
fn what_a_rule_keeps_out_is_stored_with_its_reason_and_counts_for_nothing() {
    let world = monthly();
    let header = "site,sample,replicate,exposed_from,exposed_to,m1_g,m1_second_g,m0_g,m2_g,note";
    let lines = [
        "DY-1,S1,,2019-07-30,2019-09-01,32.4815,,32.3627,0.0035,",
        "DY-2,S2,,2019-07-30,2019-08-29,32.3627,,32.4815,0.0035,",
        "DY-3,S3,,2019-07-30,2019-08-29,32.4815,,32.3627,0.0035,雨后溢出",
        "CZ-1,S4,,2019-07-30,2019-08-29,32.4815,32.4819,32.3627,0.0035,",
        "DY-1,S5,,2019-09-01,2019-09-30,132.4815,,32.3627,0.0035,",
        "DY-2,S6,,2019-08-29,2019-09-30,32.4815,32.4818,32.3627,0.0035,",
        "CZ-1,S7,1,2019-09-02,2019-10-02,32.4815,,32.3627,0.0035,",
        "CZ-1,S8,2,2019-09-02,2019-10-02,32.5815,,32.3627,0.0035,",
    ];
    let (listed, said) = import(
        &world,
        "lab.csv",
        &format!("{header}\n{}\n", lines.join("\n")),
        &[],
    );
    let rows: Vec<(&str, &str, &str)> = listed
        .rows
        .iter()
        .map(|row| (row[1].as_str(), row[2].as_str(), row[3].as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("2", "flagged", "exposure_out_of_range"),
            ("3", "flagged", "negative_net"),
            ("4", "flagged", "void_note"),
            ("5", "flagged", "not_constant_weight"),
            ("6", "flagged", "implausible_net"),
            ("8", "noted", "exchange_day"),
            ("9", "noted", "exchange_day"),
        ]
    );
    assert!(
        said.contains("8 lines: 8 new, 0 corrected, 0 unchanged, 5 of them flagged; 0 refused, 2 noted"),
        "{said}"
    );
    // |a - b| / (a + b) of the net masses, in percent.
    let deviation = print(Fraction::new(100 * 1000, 1153 + 2153).round_half_even(1), 1);
    let months = world.query(
        "SELECT month, site, valid_samples, status, reason, relative_deviation, remark FROM dustfall_point_months \
         ORDER BY month, site",
    );
    assert_eq!(
        months.rows,
        [
            ["2019-08", "CZ-1", "0", "invalid", "not_constant_weight", "", ""],
            ["2019-08", "DY-1", "0", "invalid", "exposure_out_of_range", "", ""],
            ["2019-08", "DY-2", "0", "invalid", "negative_net", "", ""],
            ["2019-08", "DY-3", "0", "invalid", "void_note", "", ""],
            [
                "2019-09",
                "CZ-1",
                "2",
                "valid",
                "",
                &deviation,
                "parallel_deviation"
            ],
            ["2019-09", "DY-1", "0", "invalid", "implausible_net", "", ""],
            ["2019-09", "DY-2", "1", "valid", "", "", ""],
        ]
    );
    let printed = world.dustwatch(&[
        "rank",
        "--parameter",
        "dustfall",
        "--period",
        "2019-08",
        "--format",
        "csv",
    ]);
    let table = Table::parse(&printed.ok());
    assert_eq!(table.column("status"), ["insufficient_data"; 4]);
    assert_eq!(table.column("value"), [""; 4]);
}
