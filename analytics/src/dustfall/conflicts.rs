//! Samples that cannot both be: one number twice, or two exposures of one point at the same time.
//!
//! Invariants: of two lines that contradict each other the first is taken; what the table has is only replaced by a
//! sample of the same number, point and time; a sample that counts for nothing is in nobody's way.

use std::collections::{BTreeMap, BTreeSet};

/// What a sample lays claim to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) sample: String,
    pub(super) site: String,
    pub(super) replicate: String,
    /// Microseconds since the epoch, end exclusive.
    pub(super) from: i64,
    pub(super) to: i64,
    /// Whether it takes part in figures.
    pub(super) counts: bool,
    /// Where it stands, for messages: `line 7`, `the table`.
    pub(super) place: String,
}

/// Why a sample is refused: a stable code and the detail.
pub(super) type Conflict = (&'static str, String);

impl Claim {
    fn meets(&self, other: &Claim) -> bool {
        self.site == other.site && self.from < other.to && other.from < self.to
    }

    /// Parallel samples share an exposure.
    fn is_parallel(&self, other: &Claim) -> bool {
        (self.from, self.to) == (other.from, other.to) && self.replicate != other.replicate
    }

    fn contradicts(&self, other: &Claim) -> bool {
        self.counts && other.counts && self.meets(other) && !self.is_parallel(other)
    }
}

/// For each new sample, in the order of the file, why it is refused; `known` are those of the table.
pub(super) fn conflicts(new: &[Claim], known: &[Claim]) -> Vec<Option<Conflict>> {
    let mut found = duplicates(new, known);
    // A sample of the table stands until its own correction is taken, so each refusal may bring another.
    loop {
        let refused = overlaps(new, known, &found);
        if refused.is_empty() {
            return found;
        }
        for (at, conflict) in refused {
            found[at] = Some(conflict);
        }
    }
}

fn duplicates(new: &[Claim], known: &[Claim]) -> Vec<Option<Conflict>> {
    let known: BTreeMap<&str, &Claim> = known.iter().map(|claim| (claim.sample.as_str(), claim)).collect();
    let mut seen: BTreeMap<&str, &Claim> = BTreeMap::new();
    let mut found = Vec::with_capacity(new.len());
    for claim in new {
        let earlier = seen.get(claim.sample.as_str());
        let other = known.get(claim.sample.as_str());
        found.push(match (earlier, other) {
            (Some(earlier), _) => Some((
                "duplicate_sample",
                format!("sample {} is in {} already", claim.sample, earlier.place),
            )),
            (None, Some(other)) if other.counts && !claim.meets(other) => Some((
                "duplicate_sample",
                format!(
                    "the table has sample {} of point {} for another exposure; to correct it, keep point and time, or \
                     void it first with a note",
                    claim.sample, other.site
                ),
            )),
            _ => None,
        });
        seen.entry(&claim.sample).or_insert(claim);
    }
    found
}

/// The samples that overlap with one that stands, besides those that are refused already.
fn overlaps(new: &[Claim], known: &[Claim], found: &[Option<Conflict>]) -> Vec<(usize, Conflict)> {
    let is_taken = |at: usize| found[at].is_none();
    let replaced: BTreeSet<&str> = (0..new.len())
        .filter(|at| is_taken(*at))
        .map(|at| new[at].sample.as_str())
        .collect();
    let mut standing: BTreeMap<&str, Vec<&Claim>> = BTreeMap::new();
    for claim in known
        .iter()
        .filter(|claim| !replaced.contains(claim.sample.as_str()))
    {
        standing.entry(&claim.site).or_default().push(claim);
    }
    let mut refused = Vec::new();
    for (at, claim) in new.iter().enumerate().filter(|(at, _)| is_taken(*at)) {
        let others = standing.entry(&claim.site).or_default();
        match others.iter().find(|other| claim.contradicts(other)) {
            Some(other) => refused.push((at, overlap(claim, other))),
            None => others.push(claim),
        }
    }
    refused
}

fn overlap(claim: &Claim, other: &Claim) -> Conflict {
    let detail = if (claim.from, claim.to) == (other.from, other.to) {
        format!(
            "{} has a sample of point {} and this exposure, {}; number parallel samples in the column replicate",
            other.place, claim.site, other.sample
        )
    } else {
        format!(
            "the exposure overlaps with that of sample {} at point {} ({})",
            other.sample, claim.site, other.place
        )
    };
    ("overlapping_exposure", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(sample: &str, site: &str, replicate: &str, from: i64, to: i64) -> Claim {
        Claim {
            sample: sample.to_owned(),
            site: site.to_owned(),
            replicate: replicate.to_owned(),
            from,
            to,
            counts: true,
            place: sample.to_owned(),
        }
    }

    fn reasons(new: &[Claim], known: &[Claim]) -> Vec<&'static str> {
        let found = conflicts(new, known).into_iter();
        found.map(|conflict| conflict.map_or("", |c| c.0)).collect()
    }

    #[test]
    fn exposures_touch_but_do_not_overlap_and_parallel_samples_share_theirs() {
        let new = [
            claim("1", "a", "1", 0, 30),
            claim("2", "a", "1", 30, 60),
            claim("3", "a", "2", 30, 60),
            claim("4", "a", "2", 59, 90),
            claim("5", "b", "1", 0, 30),
            claim("6", "a", "2", 30, 60),
            claim("1", "c", "1", 0, 30),
        ];
        assert_eq!(
            reasons(&new, &[]),
            [
                "",
                "",
                "",
                "overlapping_exposure",
                "",
                "overlapping_exposure",
                "duplicate_sample"
            ]
        );
        let mut void = new;
        void[1].counts = false;
        void[2].counts = false;
        assert_eq!(
            reasons(&void, &[]),
            ["", "", "", "", "", "overlapping_exposure", "duplicate_sample"],
            "what counts for nothing is in nobody's way"
        );
    }

    #[test]
    fn the_table_is_corrected_under_the_same_number_and_never_overwritten_by_chance() {
        let known = [claim("1", "a", "1", 0, 30), claim("2", "a", "1", 30, 60)];
        assert_eq!(reasons(&[claim("1", "a", "1", 0, 29)], &known), [""]);
        assert_eq!(
            reasons(&[claim("1", "a", "1", 365, 395)], &known),
            ["duplicate_sample"]
        );
        assert_eq!(
            reasons(&[claim("1", "b", "1", 0, 30)], &known),
            ["duplicate_sample"]
        );
        assert_eq!(
            reasons(&[claim("9", "a", "1", 0, 30)], &known),
            ["overlapping_exposure"]
        );
        // Both corrected at once, in either order.
        let both = [claim("1", "a", "1", 0, 31), claim("2", "a", "1", 31, 60)];
        assert_eq!(reasons(&both, &known), ["", ""]);
        let reversed = [both[1].clone(), both[0].clone()];
        assert_eq!(reasons(&reversed, &known), ["", ""]);
        // The correction of 2 is refused, so 2 stands as it was, and the one of 1 would overlap with it.
        let broken = [claim("1", "a", "1", 0, 31), claim("2", "a", "1", 365, 395)];
        assert_eq!(
            reasons(&broken, &known),
            ["overlapping_exposure", "duplicate_sample"]
        );
        let mut void = known;
        void[0].counts = false;
        assert_eq!(
            reasons(&[claim("1", "b", "1", 400, 430)], &void),
            [""],
            "a voided number is free"
        );
    }
}
