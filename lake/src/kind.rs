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
    /// Exceedances of sites that were alarms, made from `observations`.
    Alarms,
    /// What inspectors did: handed in, one row a date, department, township and action.
    Enforcement,
    /// The city's lists of its worst townships: handed in, one row a period, parameter and township.
    CityBulletin,
    /// The other tables of every month: handed in, one row a kind, subject, date, point and item.
    Ledger,
    /// Dustfall results: handed in, one row a sample.
    Dustfall,
}

impl TableKind {
    /// Every table.
    pub const ALL: [TableKind; 10] = [
        TableKind::Observations,
        TableKind::Rejected,
        TableKind::Replays,
        TableKind::Hourly,
        TableKind::Qc,
        TableKind::Alarms,
        TableKind::Enforcement,
        TableKind::CityBulletin,
        TableKind::Ledger,
        TableKind::Dustfall,
    ];

    /// The table's name.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Observations => "observations",
            TableKind::Rejected => "rejected",
            TableKind::Replays => "rejected_replays",
            TableKind::Hourly => "hourly",
            TableKind::Qc => "qc_flags",
            TableKind::Alarms => "alarms",
            TableKind::Enforcement => "enforcement",
            TableKind::CityBulletin => "city_bulletin",
            TableKind::Ledger => "ledger",
            TableKind::Dustfall => "dustfall",
        }
    }

    /// The column it is partitioned by; `None` for a table of a few rows.
    pub fn partition(self) -> Option<&'static str> {
        match self {
            TableKind::Observations | TableKind::Rejected | TableKind::Replays | TableKind::Qc => Some("day"),
            TableKind::Hourly
            | TableKind::Alarms
            | TableKind::Enforcement
            | TableKind::Ledger
            | TableKind::Dustfall => Some("month"),
            TableKind::CityBulletin => None,
        }
    }

    /// The columns that identify an entry of a table that people hand in, see [`Lake::add_rows`](crate::Lake::add_rows);
    /// empty for every other table.
    pub fn key(self) -> &'static [&'static str] {
        match self {
            TableKind::Observations
            | TableKind::Rejected
            | TableKind::Replays
            | TableKind::Hourly
            | TableKind::Qc
            | TableKind::Alarms => &[],
            TableKind::Enforcement => &["date", "department", "township", "action"],
            TableKind::CityBulletin => &["period", "parameter", "district", "township"],
            TableKind::Ledger => &["kind", "subject", "date", "point", "item"],
            TableKind::Dustfall => &["sample"],
        }
    }

    /// The columns that the rows of a file are sorted by, within its partition.
    pub(crate) fn order(self) -> &'static [&'static str] {
        match self {
            TableKind::Observations => &["device", "observed_at"],
            TableKind::Rejected | TableKind::Replays => &["received_at"],
            TableKind::Hourly => &["parameter", "device", "hour"],
            TableKind::Qc => &["device", "observed_at", "parameter", "test"],
            TableKind::Alarms => &["device", "rule", "started_at"],
            TableKind::Enforcement | TableKind::CityBulletin | TableKind::Ledger => self.key(),
            TableKind::Dustfall => &["site", "exposed_from"],
        }
    }

    /// The column by whose statistics a file tells the local day that it holds, of a table that is replaced by days and
    /// not partitioned by them.
    pub(crate) fn day_column(self) -> &'static str {
        match self {
            TableKind::Alarms => "started_at",
            _ => "hour",
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
            TableKind::Alarms => {
                "alarms of sites, made from observations; a local day each; rebuilt by `dustwatch alarms run`"
            }
            TableKind::Enforcement => {
                "enforcement counts; (date, department, township, action) identifies one, the latest imported_at wins"
            }
            TableKind::CityBulletin => {
                "the city's lists of its worst townships; the latest imported_at of an entry wins"
            }
            TableKind::Ledger => {
                "ledgers of every month; (kind, subject, date, point, item) identifies one, the latest imported_at wins"
            }
            TableKind::Dustfall => {
                "dustfall results by HJ 1221; sample identifies one, the latest imported_at wins"
            }
        }
    }
}
