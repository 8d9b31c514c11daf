//! Whole observations, monitors with models and places, and chance that can be repeated: for quality control.

use super::*;
use dustwatch_analytics::{QcReport, QcRequest, qc_run};

/// What one device said at one time.
#[derive(Debug, Clone)]
pub struct Seen {
    pub device: String,
    pub time: Time,
    pub received: Time,
    pub values: Vec<(String, String, Flag)>,
}

/// An observation received two seconds later: `seen("a", "2019-08-06T00:00:00+08:00", &[("pm25", "35.2")])`.
pub fn seen(device: &str, at: &str, values: &[(&str, &str)]) -> Seen {
    seen_at(device, time(at).as_micros(), values)
}

/// The same, at microseconds since 1970.
pub fn seen_at(device: &str, micros: i64, values: &[(&str, &str)]) -> Seen {
    Seen {
        device: device.to_owned(),
        time: Time::from_micros(micros),
        received: Time::from_micros(micros + 2_000_000),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), Flag::Normal))
            .collect(),
    }
}

impl Seen {
    /// The same, with a flag of the device's own on every value.
    pub fn flagged(mut self, flag: Flag) -> Self {
        self.values.iter_mut().for_each(|value| value.2 = flag);
        self
    }

    /// The same, received so many minutes after it was observed.
    pub fn received_after(mut self, minutes: i64) -> Self {
        self.received = Time::from_micros(self.time.as_micros() + minutes * 60_000_000);
        self
    }
}

/// Tenths as a decimal: 352 is 35.2.
pub fn tenths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{}", value.abs() / 10, value.abs() % 10)
}

/// Settings with stations `device,kind,township,interval,model,lat,lon` in townships t1 (plain) and t2 (mountains).
pub fn settings_of(stations: &[&str]) -> Settings {
    let mut settings = Settings::load(None).unwrap();
    let townships = "code,name,district\nt1,大峪街道,110109\nt2,清水镇,110109\n";
    let lines: Vec<String> = stations
        .iter()
        .map(|s| format!("{},{s}", s.split(',').next().unwrap()))
        .collect();
    let text = format!(
        "name,device,kind,township,interval,model,lat,lon\n{}\n",
        lines.join("\n")
    );
    let paths = (Path::new("townships.csv"), Path::new("stations.csv"));
    settings.registry = Arc::new(Registry::parse((paths.0, townships), (paths.1, &text)).unwrap());
    settings.qc.thresholds.mountain_townships = vec!["t2".to_owned()];
    settings
}

impl World {
    /// A world with every parameter.
    pub async fn controlled(stations: &[&str]) -> Self {
        Self::of(settings_of(stations)).await
    }

    /// Commits observations.
    pub async fn watch(&mut self, all: impl IntoIterator<Item = Seen>) {
        let parameters = self.settings.parameters.clone();
        let mut builder = ObservationRows::new(parameters.clone());
        let mut days = LocalDays::new(self.settings.district.timezone);
        let mut observation = Observation::new(parameters.len());
        for seen in all {
            observation.clear();
            observation.device.push_str(&seen.device);
            observation.time = seen.time;
            for (key, value, flag) in &seen.values {
                let reading = observation.reading_mut(parameters.find(key).unwrap());
                reading.value = Some(Decimal::parse(value.as_bytes()).unwrap());
                reading.flag = *flag;
            }
            builder.append(&observation, seen.received, days.day_of(seen.time).unwrap());
        }
        self.position += 1;
        self.appender
            .append_rows(&builder.take(), self.position)
            .await
            .unwrap();
    }

    /// Runs quality control over what is new.
    pub async fn control(&self) -> QcReport {
        self.control_by(QcRequest::default()).await
    }

    pub async fn control_by(&self, request: QcRequest) -> QcReport {
        qc_run(&self.lake, &self.settings, request, |_| {}).await.unwrap()
    }

    /// The flags of a test: device, local time, parameter, level and detail.
    pub async fn flags(&self, test: &str) -> Vec<String> {
        let sql = format!(
            "SELECT device, to_char(local_time(observed_at), '%m-%d %H:%M') AS at, parameter, level, detail \
             FROM qc_flags WHERE test = '{test}' ORDER BY device, observed_at, parameter"
        );
        self.lines(&sql).await
    }

    /// Every flag, whole.
    pub async fn all_flags(&self) -> Vec<String> {
        let sql = "SELECT * FROM qc_flags ORDER BY device, observed_at, parameter, test";
        self.lines(sql).await
    }

    /// What a test flagged: device, microseconds since 1970, parameter.
    pub async fn flagged(&self, test: &str) -> Vec<(String, i64, String)> {
        let sql = format!(
            "SELECT device, arrow_cast(observed_at, 'Int64'), parameter FROM qc_flags WHERE test = '{test}' \
             ORDER BY device, observed_at, parameter"
        );
        let parsed = |line: &String| {
            let cells: Vec<&str> = line.split('|').collect();
            (
                cells[0].to_owned(),
                cells[1].parse().unwrap(),
                cells[2].to_owned(),
            )
        };
        self.lines(&sql).await.iter().map(parsed).collect()
    }
}

/// Chance that can be repeated: SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    /// A number from 0 to below.
    pub fn below(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.cast_unsigned()).cast_signed()
    }

    /// Whether something happens that does so many times in a hundred.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}
