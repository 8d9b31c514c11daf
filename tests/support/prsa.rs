//! Six real stations of Beijing, cut to the months that a test needs, their quirks kept.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::{Place, World};

pub(crate) const STATIONS: [&str; 6] = [
    "Aotizhongxin",
    "Dongsi",
    "Gucheng",
    "Huairou",
    "Nongzhanguan",
    "Wanliu",
];

/// How the tables are read, made-up ones too.
pub(crate) const MAPPING: &str = r#"format = "csv"
device = "{station}"
time = { columns = ["year", "month", "day", "hour"], timezone = "Asia/Shanghai", label = "start" }
missing = ["NA", ""]
[columns]
pm25 = "PM2.5"
pm10 = "PM10"
temperature = "TEMP"
pressure = { column = "PRES", scale = 0.1 }
wind_speed = "WSPM"
"#;

/// The folder with real data, if it is here; where it is not, standard error says so.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/prsa");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: the real data of ../shared are not here ({})",
        folder.display()
    );
    None
}

/// Each station a township of its own.
pub(crate) fn place() -> Place {
    let mut place = Place::new("110000");
    for (index, station) in STATIONS.iter().enumerate() {
        let code = format!("1100000{:02}", index + 1);
        place = place
            .township(&code, &format!("{station}镇"))
            .station(station, "township", &code, "1h");
    }
    place
}

/// The tables of all stations with the rows whose (year, month) are kept, as files in a world and as text.
pub(crate) fn tables(
    folder: &Path,
    world: &World,
    kept: impl Fn(i64, i64) -> bool,
) -> Vec<(PathBuf, String)> {
    let table = |station: &str| {
        let text = unpacked(&folder.join(format!("PRSA_Data_{station}_20130301-20170228.csv.gz")));
        let cut: String = text
            .split_inclusive('\n')
            .enumerate()
            .filter(|(i, line)| *i == 0 || is_kept(line, &kept))
            .map(|(_, line)| line)
            .collect();
        (world.write(&format!("{station}.csv"), &cut), cut)
    };
    STATIONS.into_iter().map(table).collect()
}

/// A row begins with its number, year, month.
fn is_kept(line: &str, kept: &impl Fn(i64, i64) -> bool) -> bool {
    let mut cells = line.split(',').skip(1).map(|cell| cell.parse::<i64>());
    match (cells.next(), cells.next()) {
        (Some(Ok(year)), Some(Ok(month))) => kept(year, month),
        _ => panic!("a row without year and month: {line:?}"),
    }
}

/// The text of a gzip file.
pub(crate) fn unpacked(path: &Path) -> String {
    let out = Command::new("gzip")
        .arg("-dc")
        .arg(path)
        .output()
        .expect("gzip is installed");
    assert!(out.status.success(), "cannot unpack {}", path.display());
    String::from_utf8(out.stdout).expect("the tables are UTF-8")
}
