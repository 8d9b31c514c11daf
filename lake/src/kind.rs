//! Which tables there are.

/// A table of the lake; its name is its folder and its SQL name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// What monitors said, one row a device and time.
    Observations,
    /// What arrived and could not be taken, with the reason.
    Rejected,
    /// Which rows of `rejected` have been taken since, by a replay.
    Replays,
    /// Hourly means of every device and parameter, made from `observations`.
    Hourly,
    /// What quality control found about values, made from `observations`.
    Qc,
}

impl TableKind {
    /// Every table.
    pub const ALL: [TableKind; 5] = [
        TableKind::Observations,
        TableKind::Rejected,
        TableKind::Replays,
        TableKind::Hourly,
        TableKind::Qc,
    ];

    /// The table's name.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Observations => "observations",
            TableKind::Rejected => "rejected",
            TableKind::Replays => "rejected_replays",
            TableKind::Hourly => "hourly",
            TableKind::Qc => "qc_flags",
        }
    }

    /// The column it is partitioned by.
    pub fn partition(self) -> &'static str {
        match self {
            TableKind::Observations | TableKind::Rejected | TableKind::Replays | TableKind::Qc => "day",
            TableKind::Hourly => "month",
        }
    }

    /// The columns that the rows of a file are sorted by, within its partition.
    pub(crate) fn order(self) -> &'static [&'static str] {
        match self {
            TableKind::Observations => &["device", "observed_at"],
            TableKind::Rejected | TableKind::Replays => &["received_at"],
            TableKind::Hourly => &["parameter", "device", "hour"],
            TableKind::Qc => &["device", "observed_at", "parameter", "test"],
        }
    }

    /// What the table is, for its metadata.
    pub(crate) fn comment(self) -> &'static str {
        match self {
            TableKind::Observations => {
                "observations of dust monitors; (device, observed_at) identifies one, the latest received_at wins"
            }
            TableKind::Rejected => "messages that could not be taken, with a stable reason",
            TableKind::Replays => "rows of rejected that `dustwatch rejected replay` has taken since",
            TableKind::Hourly => "hourly means, made from observations; rebuilt by `dustwatch rollup`",
            TableKind::Qc => {
                "flags of quality control, made from observations; rebuilt by `dustwatch qc run`"
            }
        }
    }
}
