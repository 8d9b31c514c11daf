//! `demo`: the whole way, composed of all the processes, on a district that is simulated.
//!
//! Broker, ingester and sixty-four monitors run in this process and talk MQTT over loopback. Everything lies in one
//! folder, with a `dustwatch.toml` that the other subcommands take.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{Datelike, NaiveDate, Offset, TimeZone};
use dustwatch_analytics::{Order, Period, RankRequest, Table, rank, roll_up};
use dustwatch_config::Settings;
use dustwatch_edge::network::Network;
use dustwatch_edge::publish::{PublisherOptions, fresh_epoch};
use dustwatch_edge::simulate::{SimulationOptions, run_live, run_simulation};
use dustwatch_edge::{Progress, Shutdown};
use dustwatch_ingest::{EmbeddedBroker, Pipeline};
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock, Time};
use indicatif::{ProgressBar, ProgressStyle};

use super::alarming::keep_alarming;
use super::notice::write_issue;
use super::rollup::{bar_of_days, say};
use super::serve;
use super::up::keep_rolling_up;
use crate::cli::{DemoArgs, NoticeFormat};
use crate::output::{Format, print, without};

/// File that says that a folder is a demonstration and may be emptied.
const MARKER: &str = ".dustwatch-demo";
/// Observations of a simulated message.
const BATCH: usize = 60;

/// Shows the whole way.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let file = prepare(&args.dir)?;
    let settings = Settings::load(Some(&file))?;
    EmbeddedBroker::start(&settings.broker.url)?;
    let pipeline = Pipeline::start(&settings, clock.clone()).await?;
    pipeline.ready().await;
    let history = span(&settings, clock.now(), args.days)?;
    let network = network(&settings, history.start, args.seed)?;
    let simulation = simulation(&settings, &clock, BATCH)?;
    send(&simulation, &network, history.clone(), shutdown.clone()).await?;
    if !shutdown.is_requested() {
        wait_until_committed(&pipeline, &shutdown).await;
    }
    if !shutdown.is_requested() {
        show(&settings, &clock, &args.dir, &file).await?;
    }
    if !args.exit && !shutdown.is_requested() {
        stay_up(&settings, clock, network, history.end, shutdown).await?;
    }
    let summary = pipeline.shutdown().await?;
    eprintln!(
        "{} observations are in the table; everything is in {}",
        summary.committed,
        args.dir.display()
    );
    Ok(())
}

/// Empties the folder, if it is a demonstration's, and writes its settings.
fn prepare(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.join(MARKER).exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("emptying {}", dir.display()))?;
    } else if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "{} is not empty and no demonstration of ours; name another folder with --dir",
            dir.display()
        );
    }
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    std::fs::write(
        dir.join(MARKER),
        "made by `dustwatch demo`, emptied by the next one\n",
    )?;
    let file = dir.join("dustwatch.toml");
    let port = free_port()?;
    let text = format!(
        "# Settings of the demonstration: the built-in Mentougou district, broker and lake in this folder.\n\
         [broker]\nurl = \"mqtt://127.0.0.1:{port}\"\nembedded = true\n\n\
         [journal]\ndir = \"journal\"\n\n[lake]\nuri = \"lake\"\ncommit_rows = 250000\n"
    );
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// MQTT's own port if it is free, else any.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:1883").or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    Ok(listener.local_addr()?.port())
}

/// From local midnight `days` days ago to this minute.
fn span(settings: &Settings, now: Time, days: u32) -> anyhow::Result<std::ops::Range<Time>> {
    let timezone = settings.district.timezone;
    let local = now
        .to_chrono()
        .context("the clock is out of the calendar")?
        .with_timezone(&timezone);
    let first = local.date_naive() - chrono::Duration::days(days.into());
    let midnight = first.and_hms_opt(0, 0, 0).context("midnight exists")?;
    let start = timezone
        .from_local_datetime(&midnight)
        .earliest()
        .context("midnight exists in this time zone")?;
    let minute = 60_000_000;
    let end = Time::from_micros(now.as_micros() / minute * minute);
    Ok(Time::from_micros(start.timestamp_micros())..end)
}

fn network(settings: &Settings, at: Time, seed: u64) -> anyhow::Result<Network> {
    let utc = at.to_chrono().context("the clock is out of the calendar")?;
    let offset = utc
        .with_timezone(&settings.district.timezone)
        .offset()
        .fix()
        .local_minus_utc();
    Ok(Network::new(
        settings.registry.stations(),
        settings.parameters.clone(),
        offset,
        seed,
    ))
}

fn simulation(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    batch: usize,
) -> anyhow::Result<SimulationOptions> {
    let broker = settings.broker.url.parse()?;
    let epoch = fresh_epoch(clock.as_ref());
    let client_id = format!("dustwatch-demo-{epoch}");
    let publisher = PublisherOptions::new(broker, settings.district.code.clone(), client_id, epoch);
    Ok(SimulationOptions {
        batch,
        ..SimulationOptions::new(publisher)
    })
}

/// Sends the history, with a bar.
async fn send(
    options: &SimulationOptions,
    network: &Network,
    span: std::ops::Range<Time>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let progress = Arc::new(Progress::default());
    let bar = ProgressBar::new(network.expected(&span)).with_style(ProgressStyle::with_template(
        "{msg} {bar:40} {human_pos}/{human_len} observations confirmed, {eta} left",
    )?);
    bar.set_message(format!("{} monitors", network.stations().len()));
    let sending = run_simulation(options.clone(), network.clone(), span, progress.clone(), shutdown);
    tokio::pin!(sending);
    let report = loop {
        tokio::select! {
            report = &mut sending => break report?,
            () = tokio::time::sleep(Duration::from_millis(200)) => bar.set_position(progress.confirmed()),
        }
    };
    bar.finish_and_clear();
    eprintln!("{report}");
    Ok(())
}

/// Waits until what is confirmed, and so in the journal, is in the table too.
async fn wait_until_committed(pipeline: &Pipeline, shutdown: &Shutdown) {
    loop {
        let stats = pipeline.stats().snapshot();
        if stats.committed + stats.duplicates >= stats.observations || shutdown.is_requested() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Rolls up, prints the rankings of the last full week, writes its notice, and says where everything is.
async fn show(settings: &Settings, clock: &Arc<dyn Clock>, dir: &Path, file: &Path) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    let (bar, mut progress) = bar_of_days("hourly means ")?;
    let report = roll_up(&lake, settings, &mut progress).await?;
    bar.finish_and_clear();
    say(&report);
    let week = last_full_week(settings, clock.now())?;
    for parameter in ["tsp", "pm25"] {
        let mut request = RankRequest::new(parameter, week);
        request.order = Order::Best;
        let ranking = rank(&lake, settings, &request).await?;
        println!("{} {week}, {}", parameter.to_uppercase(), ranking.unit);
        let shown = without(
            Table::from_ranking(&ranking),
            &["last_year_value", "last_year_percent", "township_code"],
        );
        print(&shown, Format::Table)?;
    }
    let today = today(settings, clock.now())?;
    let notices = dir.join("notices");
    let formats = [NoticeFormat::Html, NoticeFormat::Md];
    for written in write_issue(settings, week, today, &notices, &formats).await? {
        println!("notice    {}", written.display());
    }
    println!("tables    {}", settings.lake.uri);
    println!("settings  {}", file.display());
    println!(
        "try       dustwatch --config {} rank --parameter pm10 --period {week}",
        file.display()
    );
    Ok(())
}

fn today(settings: &Settings, now: Time) -> anyhow::Result<NaiveDate> {
    let now = now.to_chrono().context("the clock is out of the calendar")?;
    Ok(now.with_timezone(&settings.district.timezone).date_naive())
}

/// The ISO week before the one that today is in.
fn last_full_week(settings: &Settings, now: Time) -> anyhow::Result<Period> {
    let week = (today(settings, now)? - chrono::Duration::days(7)).iso_week();
    Ok(format!("{:04}-W{:02}", week.year(), week.week()).parse()?)
}

/// Goes on with live data until stopped.
async fn stay_up(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    network: Network,
    from: Time,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    eprintln!(
        "staying up with live data on {}; Ctrl-C ends",
        settings.broker.url
    );
    let (_, registry) = tokio::sync::watch::channel(settings.registry.clone());
    let dashboard = tokio::spawn(serve::beside(settings.clone(), shutdown.clone()));
    let alarms = tokio::spawn(keep_alarming(
        settings.clone(),
        registry.clone(),
        shutdown.clone(),
    ));
    let rollups = tokio::spawn(keep_rolling_up(settings.clone(), registry, shutdown.clone()));
    let options = simulation(settings, &clock, 1)?;
    let progress = Arc::new(Progress::default());
    run_live(options, network, from, clock, progress, shutdown).await?;
    rollups.await?;
    alarms.await?;
    dashboard.await?;
    Ok(())
}
