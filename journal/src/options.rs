//! What the owner of a journal decides before opening it.

/// How a journal is laid out and how it treats damage. Options may differ from one opening to the next.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// A new segment is begun when the next record would make the newest longer than this many bytes. Disk space is
    /// given back a segment at a time. A record that is larger than this gets a segment to itself. Default 64 MiB.
    pub segment_bytes: u64,
    /// The largest record that [`append`](crate::Journal::append) accepts, in bytes. Default 16 MiB.
    pub max_record_bytes: u32,
    /// What to do about records that were durable once and are unreadable now. Default [`OnDamage::Refuse`].
    pub on_damage: OnDamage,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions {
            segment_bytes: 64 << 20,
            max_record_bytes: 16 << 20,
            on_damage: OnDamage::Refuse,
        }
    }
}

/// What to do about records that were durable once and are unreadable now.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Do not open; do not read on. The error says where the damage is. Nothing on disk is changed.
    #[default]
    Refuse,
    /// Go on with the next good record. What was skipped is counted and reported in [`Recovery`](crate::Recovery) at
    /// every opening until it has been truncated away.
    Skip,
}
