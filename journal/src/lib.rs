//! The durable append-only log behind the agent's spool and the ingester's write-ahead log.
//!
//! A journal is a directory. Records are opaque bytes, numbered from 1 without gaps. [`Journal::append`] takes a record
//! into memory, [`Journal::sync`] makes everything appended so far durable, [`Reader`] gives durable records back in
//! order, and [`Journal::truncate`] gives up what nobody needs any more. All of it is synchronous `std` I/O: run it on a
//! thread of its own.
//!
//! ```
//! use dustwatch_journal::{Journal, JournalOptions, Position};
//!
//! # let dir = tempfile::tempdir()?;
//! let (mut journal, recovery) = Journal::open(dir.path(), JournalOptions::default())?;
//! assert!(recovery.created);
//! let position = journal.append(b"pm25=35.2")?;
//! journal.sync()?; // now, and not before, it may be acknowledged
//!
//! let mut reader = journal.reader(Position::ZERO);
//! assert_eq!(reader.next()?.map(|record| record.position), Some(position));
//! journal.truncate(position)?; // it is safe elsewhere
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is on disk
//!
//! ```text
//! journal.lock                 held locked by the process that has the journal open
//! 00000000000000000001.seg     a segment, named by the position of its first record
//! 00000000000000004711.seg     the newest segment, the only one ever written to
//! ```
//!
//! All integers are little endian. A segment is a header and then frames, back to back:
//!
//! ```text
//! header (40 bytes)                          frame (17 bytes and the payload)
//!   0  magic     8 bytes  "DUSTJRNL"           0  length    u32  bytes of payload
//!   8  version   u32      1                    4  crc       u32  over journal id (u64), kind, position, payload
//!  12  journal   u64      id of the journal    8  kind      u8   1 data, 2 cut, 3 mark
//!  20  first     u64      as in the name       9  position  u64
//!  28  cut       u64      at creation         17  payload
//!  36  crc       u32      over bytes 0..36
//! ```
//!
//! * A **data** frame is a record: its position is one more than that of the data frame before it.
//! * A **cut** frame says that records up to its position are no longer needed. It has no payload.
//! * A **mark** frame says that everything in front of it in this segment had been synced when it was written; its
//!   position is that of the last record then. It has no payload. The first frame after each sync is a mark, and so is
//!   the last one of a journal that was closed in good order.
//!
//! The checksum of a frame covers the journal id, so a frame of another journal (stale disk blocks, or a record that
//! itself holds a piece of a journal) is never taken for one of ours.
//!
//! # What holds at every moment
//!
//! 1. A segment's header and its directory entry are synced before its first frame is written.
//! 2. A segment is synced to its end before the next one is created. Only the newest can have an unsynced end.
//! 3. Segments are removed oldest first, and the directory is synced after each. So when the oldest segment starts at
//!    position n, everything below n was given up.
//!
//! # What opening does
//!
//! It first reads everything and changes nothing, then judges, then repairs.
//!
//! * **Torn tail**: in the newest segment, a frame that is short or fails its checksum, with no mark behind it. Nothing
//!   proves that it was ever synced: a crash looks like this, including the zeroes that ext4 leaves after a power loss,
//!   and including whole frames behind the hole, because a disk may write pages in any order. It is cut off.
//! * **Torn creation**: the newest segment is no longer than a header and the header is not valid. It is removed.
//! * **Damage**: a bad frame in an older segment or with a mark behind it; a bad header with frames behind it; a missing
//!   segment between two others. Such records were once durable. [`OnDamage`] decides. Damage entirely below
//!   the cut is ignored, since nobody wants those records.
//! * The end of the newest segment that no mark vouches for is written once more and synced before it counts as durable:
//!   after a failed fsync the page cache may show bytes that never reached the disk, and call them clean.

mod error;
mod frame;
mod journal;
mod options;
mod position;
mod progress;
mod reader;
mod recovery;
mod scan;
mod segment;
pub mod storage;
mod survey;
mod writer;

pub use error::{AppendError, IoFailure, OpenError, ReadError, SyncError, TruncateError};
pub use journal::{Journal, TruncateOutcome};
pub use options::{JournalOptions, OnDamage};
pub use position::Position;
pub use reader::{Reader, Record};
pub use recovery::Recovery;
pub use survey::{Damage, DamageKind};
