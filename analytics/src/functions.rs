//! The few named functions that the SQL texts use beside DataFusion's own.
//!
//! - `round_half_even(value, places)`: GB/T 8170 rounding, the nearest double of the published decimal.
//! - `local_day(instant)`: the local day of an instant in the district's time zone. A comparison of it with a date is
//!   turned into a comparison of the instant, so that files are pruned by it.
//! - `local_time(instant)`: the wall clock of the district at an instant.
//! - `iaqi(parameter, mean, day)` and `aqi_class(index)`: the air quality index of HJ 633.
//! - `fingerprint(payload)`: the number that tells payloads apart, by which replays name rejections.
//!
//! Invariant: all of them are functions of their arguments and of the time zone they were made with, nothing else.

mod air_index;
mod fingerprint;
mod local;
mod round;

use chrono_tz::Tz;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub(crate) use air_index::{INDICES, breakpoints};
pub use air_index::{aqi_class, iaqi};
pub use round::round_half_even;

/// Makes the functions known to a session.
pub fn register(context: &SessionContext, timezone: Tz) {
    context.register_udf(ScalarUDF::new_from_impl(round::RoundHalfEven::new()));
    context.register_udf(ScalarUDF::new_from_impl(air_index::Iaqi::new()));
    context.register_udf(ScalarUDF::new_from_impl(air_index::AqiClass::new()));
    context.register_udf(ScalarUDF::new_from_impl(local::LocalDay::new(timezone)));
    context.register_udf(ScalarUDF::new_from_impl(fingerprint::Fingerprint::new()));
    context.register_udf(ScalarUDF::new_from_impl(local::LocalTime::new(timezone)));
}
