//! Whether the ranks of a list can be: competition ranking, from 1, ties sharing a rank (1, 2, 2, 4).

/// For each rank of a list, in any order, what speaks against it; `unread` lines of the list have a rank that is not
/// known, so that a rank may lie as many places further back.
pub(super) fn inconsistent(ranks: &[i64], unread: u64) -> Vec<Option<String>> {
    let unread = i64::try_from(unread).unwrap_or(i64::MAX);
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let judge = |rank: &i64| {
        let before = sorted.partition_point(|other| other < rank);
        let expected = i64::try_from(before).map_or(i64::MAX, |before| before + 1);
        let fits = (expected..=expected.saturating_add(unread)).contains(rank);
        (!fits).then(|| {
            format!("rank {rank}, but {before} of the list stand before it, which makes it {expected}")
        })
    };
    ranks.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(ranks: &[i64], unread: u64) -> Vec<bool> {
        inconsistent(ranks, unread).iter().map(Option::is_some).collect()
    }

    #[test]
    fn the_published_sequences_are_consistent() {
        // Domain reference, 4.1: the worst-first ranks of two real lists and an ascending one.
        let mut of_2024 = vec![
            1, 2, 3, 3, 5, 6, 7, 7, 7, 10, 10, 12, 12, 12, 15, 15, 17, 17, 19, 20, 20, 20, 20, 24,
        ];
        of_2024.extend([25; 6]);
        let mut of_2021 = vec![1, 1, 3, 4, 4, 4, 7, 8, 8, 8, 11, 11, 13, 13];
        of_2021.extend([15; 7]);
        of_2021.extend([22; 4]);
        of_2021.extend([26; 5]);
        for list in [
            of_2024,
            of_2021,
            vec![1, 2, 3, 4, 5, 6, 7, 7, 9, 10, 10, 10, 10, 10, 15, 15, 17],
        ] {
            assert!(!marks(&list, 0).contains(&true), "{list:?}");
        }
    }

    #[test]
    fn a_dense_rank_a_gap_and_a_late_start_are_told() {
        assert_eq!(marks(&[1, 2, 2, 3], 0), [false, false, false, true]);
        assert_eq!(marks(&[1, 3], 0), [false, true]);
        assert_eq!(marks(&[2, 3], 0), [true, true]);
        assert_eq!(
            marks(&[4, 1, 2, 2], 0),
            [false; 4],
            "the order of the lines does not matter"
        );
    }

    #[test]
    fn lines_that_cannot_be_read_leave_room() {
        assert_eq!(marks(&[1, 3, 4], 1), [false; 3]);
        assert_eq!(marks(&[1, 4, 5], 1), [false, true, true]);
    }
}
