//! `dustwatch-edge simulate`.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use dustwatch_config::Settings;
use dustwatch_edge::network::{Network, Troubles, invent, stations_csv};
use dustwatch_edge::simulate::{SimulationOptions, run_live, run_simulation};
use dustwatch_edge::{EdgeError, Progress, Shutdown};
use dustwatch_observation::{Clock, SystemClock, Time};

use super::bar::with_bar;
use super::tool::{ToolArgs, conclude, length};

const DAY: i64 = 86_400_000_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Invent so many devices [default: the stations of the configuration].
    #[arg(long, value_name = "N")]
    devices: Option<usize>,
    /// Time between two observations of a device [default: each station's own; 1m for invented ones].
    #[arg(long, value_name = "TIME")]
    interval: Option<String>,
    /// Seed; the same seed and times give the same observations.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Messages a second [default: as fast as they are confirmed].
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// End after so many observations.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// First instant, 2019-08-01 or RFC 3339 [default: so that it ends about now].
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// How many days [default: 1, or as many as --count needs].
    #[arg(long, value_name = "D")]
    days: Option<u32>,
    /// From now on (or from --start on), each observation when its time has come, until Ctrl-C or --count.
    #[arg(long, conflicts_with = "days")]
    live: bool,
    /// No gaps, no faults, no late or repeated observations.
    #[arg(long)]
    no_troubles: bool,
    /// Write the stations as a stations.csv, so that an ingester can know them.
    #[arg(long, value_name = "FILE")]
    stations_out: Option<PathBuf>,
    #[command(flatten)]
    tool: ToolArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<bool> {
    let settings = args.tool.settings()?;
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(EdgeError::Usage("--rate must be above 0".to_owned()).into());
    }
    let network = network(&args, &settings)?;
    if let Some(path) = &args.stations_out {
        std::fs::write(path, stations_csv(network.stations())).map_err(|source| EdgeError::Io {
            action: "write",
            path: path.clone(),
            source,
        })?;
    }
    let options = SimulationOptions {
        publisher: args.tool.publisher("simulate", &settings)?,
        batch: args.tool.batch,
        rate: args.rate,
        count: args.count,
    };
    let progress = Arc::new(Progress::default());
    let counters = Arc::clone(&progress);
    let shutdown = Shutdown::on_signals();
    let clock = SystemClock;
    let report = if args.live {
        let from = args
            .start
            .as_deref()
            .map_or(Ok(clock.now()), |text| instant(text, network.offset_seconds()))?;
        with_bar(
            &progress,
            run_live(options, network, from, Arc::new(clock), counters, shutdown),
        )
        .await?
    } else {
        let span = span(&args, &network, clock.now())?;
        tracing::info!(from = %span.start, to = %span.end, devices = network.stations().len(), "simulating");
        with_bar(
            &progress,
            run_simulation(options, network, span, counters, shutdown),
        )
        .await?
    };
    Ok(conclude(&report))
}

fn network(args: &Args, settings: &Settings) -> Result<Network, EdgeError> {
    let interval = args
        .interval
        .as_deref()
        .map(|text| length("--interval", text))
        .transpose()?;
    let interval = interval
        .map(|length| u32::try_from(length.as_secs()).ok().filter(|s| 3600 % s == 0))
        .map(|seconds| seconds.ok_or_else(|| EdgeError::Usage("--interval must divide an hour".to_owned())))
        .transpose()?;
    let stations = match args.devices {
        Some(0) => return Err(EdgeError::Usage("--devices must be at least 1".to_owned())),
        Some(count) => invent(
            &settings.district.code,
            settings.registry.townships(),
            count,
            interval.unwrap_or(60),
        )?,
        None => settings.registry.stations().to_vec(),
    };
    let network = Network::new(
        &stations,
        Arc::clone(&settings.parameters),
        settings.district.offset_seconds(),
        args.seed,
    );
    let network = if args.no_troubles {
        network.with_troubles(Troubles::None)
    } else {
        network
    };
    Ok(interval.map_or_else(
        || network.clone(),
        |seconds| network.clone().with_interval(seconds),
    ))
}

/// The span: what was asked for, or whole days that end about now.
fn span(args: &Args, network: &Network, now: Time) -> Result<Range<Time>, EdgeError> {
    let needed = args.count.map(|count| {
        let a_day = network
            .expected(&(Time::from_micros(0)..Time::from_micros(DAY)))
            .max(1);
        // Troubles cost a few percent.
        i64::try_from(count / a_day + count / a_day / 16 + 1)
            .unwrap_or(100_000)
            .min(100_000)
    });
    let days = args.days.map(i64::from).or(needed).unwrap_or(1);
    let start = match &args.start {
        Some(text) => instant(text, network.offset_seconds())?,
        None => {
            let today = now.as_micros() + i64::from(network.offset_seconds()) * 1_000_000;
            let midnight = today - today.rem_euclid(DAY) - i64::from(network.offset_seconds()) * 1_000_000;
            Time::from_micros(midnight - days * DAY)
        }
    };
    Ok(start..start.plus_micros(days * DAY))
}

/// A local date or an RFC 3339 instant.
fn instant(text: &str, offset_seconds: i32) -> Result<Time, EdgeError> {
    let midnight = format!("{text}T00:00:00Z");
    Time::parse_rfc3339(midnight.as_bytes())
        .map(|time| time.plus_micros(-i64::from(offset_seconds) * 1_000_000))
        .or_else(|_| Time::parse_rfc3339(text.as_bytes()))
        .map_err(|_| EdgeError::Usage(format!("--start {text:?} is neither a date nor an RFC 3339 time")))
}
