//! Tables that other people made: their quirks, and what a broken line costs.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dustwatch_observation::table::{Mapping, Row, TableError, TableReader};
use dustwatch_observation::{Decimal, Parameter, ParameterSet, Reason, Time};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const MAPPING: &str = r#"
    format = "csv"
    device = "{station}"
    time = { columns = ["year", "month", "day", "hour"], timezone = "Asia/Shanghai", label = "start" }
    missing = ["NA", ""]
    [columns]
    pm25 = "PM2.5"
    temperature = "TEMP"
"#;

const HEADER: &str = "year,month,day,hour,PM2.5,TEMP,station";

fn parameters() -> Arc<ParameterSet> {
    let list = ["pm25", "pm10", "temperature", "co", "wind_direction"].map(|key| Parameter {
        key: key.to_owned(),
        name: key.to_owned(),
        name_en: key.to_owned(),
        unit: String::new(),
        decimals: 1,
        published_decimals: 0,
        day_min_hours: 20,
        min: None,
        max: None,
    });
    Arc::new(ParameterSet::new(list.to_vec()).unwrap())
}

/// A row, for comparing: line, then device, time in RFC 3339 and the values that are there, or the reason.
type Read = (u64, Result<(String, String, Vec<(String, String)>), Reason>);

fn file(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("table.csv");
    std::fs::write(&path, content).unwrap();
    path
}

fn read_file(path: &Path, mapping: &str) -> Result<Vec<Read>, TableError> {
    let parameters = parameters();
    let mapping: Mapping = toml::from_str(mapping).unwrap();
    let mut reader = TableReader::open(path, &mapping, Arc::clone(&parameters))?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row() {
        rows.push(match row {
            Row::Bad { line, reason, .. } => (line, Err(reason)),
            Row::Observation { line, observation } => {
                let values = parameters.iter().filter_map(|(id, p)| {
                    observation
                        .reading(id)
                        .value
                        .map(|value| (p.key.clone(), value.to_string()))
                });
                (
                    line,
                    Ok((
                        observation.device.clone(),
                        observation.time.to_string(),
                        values.collect(),
                    )),
                )
            }
        });
    }
    Ok(rows)
}

fn read(content: impl AsRef<[u8]>, mapping: &str) -> Vec<Read> {
    let folder = TempDir::new().unwrap();
    read_file(&file(&folder, content.as_ref()), mapping).unwrap()
}

fn row(line: u64, device: &str, time: &str, values: &[(&str, &str)]) -> Read {
    let values = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    (line, Ok((device.to_owned(), time.to_owned(), values)))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn rows_are_read_whatever_the_form_of_the_file() {
    let plain = format!("{HEADER}\n2013,3,1,0,9,-0.5,Dongsi\n2013,3,1,1,NA,,Dongsi\n");
    let want = vec![
        row(
            2,
            "Dongsi",
            "2013-02-28T16:00:00Z",
            &[("pm25", "9"), ("temperature", "-0.5")],
        ),
        row(3, "Dongsi", "2013-02-28T17:00:00Z", &[]),
    ];
    assert_eq!(read(&plain, MAPPING), want);
    assert_eq!(read(plain.trim_end(), MAPPING), want, "no line end at the end");
    assert_eq!(read(plain.replace('\n', "\r\n"), MAPPING), want, "CRLF");
    assert_eq!(read(format!("\u{feff}{plain}"), MAPPING), want, "byte order mark");
    assert_eq!(read(gzip(plain.as_bytes()), MAPPING), want, "gzip");
    let (first, second) = plain.split_at(50);
    let members = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    assert_eq!(read(members, MAPPING), want, "gzip of several members");
    let quoted: Vec<String> = plain
        .lines()
        .map(|line| {
            line.split(',')
                .map(|f| format!("\"{f}\""))
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect();
    assert_eq!(read(quoted.join("\r\n"), MAPPING), want, "quoted");
    let semicolons = format!("delimiter = \";\"\n{MAPPING}");
    assert_eq!(
        read(plain.replace(',', ";"), &semicolons),
        want,
        "another delimiter"
    );
}

#[test]
fn a_broken_line_costs_itself_and_has_its_number() {
    let mut content = format!("{HEADER}\r\n").into_bytes();
    for line in [
        &b"2013,3,1,0,9,1,A"[..],
        b"2013,3,1,1,9,1",
        b"2013,3,1,1,9,1,A,more",
        b"2013,3,1,1,abc,1,A",
        b"2013,2,29,1,9,1,A",
        b"2013,3,1,24,9,1,A",
        b"NA,3,1,1,9,1,A",
        b"",
        b"2013,3,1,1,9,1,\xff",
        b"2013,3,1,1,9,1,two words",
        b"2013,3,1,1,9,1,",
        b"2013,3,1,1,1234567890123456789,1,A",
        b"2013,3,1,1,9,1,\"A",
        b"2013,3,1,2,9,1,A",
    ] {
        content.extend_from_slice(line);
        content.extend_from_slice(b"\r\n");
    }
    let values = [("pm25", "9"), ("temperature", "1")];
    assert_eq!(
        read(content, MAPPING),
        [
            row(2, "A", "2013-02-28T16:00:00Z", &values),
            (3, Err(Reason::BadRow)),
            (4, Err(Reason::BadRow)),
            (5, Err(Reason::WrongType)),
            (6, Err(Reason::BadTime)),
            (7, Err(Reason::BadTime)),
            (8, Err(Reason::MissingTime)),
            (10, Err(Reason::BadRow)),
            (11, Err(Reason::UnknownDevice)),
            (12, Err(Reason::UnknownDevice)),
            (13, Err(Reason::BadValue)),
            (14, Err(Reason::BadRow)),
            row(15, "A", "2013-02-28T18:00:00Z", &values),
        ]
    );
}

#[test]
fn a_bad_row_says_what_is_wrong_and_shows_its_line() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, format!("{HEADER}\n2013,3,1,0,\"x\",1,A\n").as_bytes());
    let mut reader = TableReader::open(&path, &toml::from_str(MAPPING).unwrap(), parameters()).unwrap();
    let Some(Row::Bad { detail, text, .. }) = reader.next_row() else {
        panic!("a bad row")
    };
    assert_eq!(detail, "column \"PM2.5\": \"x\" is not a number");
    assert_eq!(text, "2013,3,1,0,\"x\",1,A");
    assert!(reader.next_row().is_none() && reader.failure().is_none());
    assert_eq!(reader.bytes_read(), reader.bytes_total());
}

#[test]
fn a_quoted_field_may_span_lines_and_a_stray_quote_swallows_none() {
    let mapping = r#"
        device = "{station}"
        time = { column = "t", format = "%Y-%m-%d %H:%M", timezone = "UTC" }
        columns = { pm25 = "PM2.5" }
    "#;
    let content = "station,t,PM2.5,remark\nA,2018-01-01 00:00,1,\"two\nlines, here\"\nA,2018-01-01 01:00,2,\n\
        A,2018-01-01 02:00,3,\"stray\nA,2018-01-01 03:00,4,\nA,2018-01-01 04:00,5,\"\"\"quoted\"\"\"\n";
    assert_eq!(
        read(content, mapping),
        [
            row(2, "A", "2018-01-01T00:00:00Z", &[("pm25", "1")]),
            row(4, "A", "2018-01-01T01:00:00Z", &[("pm25", "2")]),
            (5, Err(Reason::BadRow)),
            row(6, "A", "2018-01-01T03:00:00Z", &[("pm25", "4")]),
            row(7, "A", "2018-01-01T04:00:00Z", &[("pm25", "5")]),
        ]
    );
}

#[test]
fn units_points_and_templates_are_converted_exactly() {
    let mapping = r#"
        device = "sc-{kind}-{id}"
        time = { column = "utc_time", format = "%Y-%m-%d %H:%M:%S", timezone = "UTC", label = "start" }
        missing = ["999017"]
        [columns]
        pm25 = "P2"
        co = { column = "CO", scale = 1000 }
        temperature = { column = "T", scale = 0.1 }
        wind_direction = { column = "wd", kind = "compass16" }
    "#;
    let content = "id,kind,utc_time,P2,CO,T,wd\n\
        5331,sds,2018-01-01 00:00:00, 17.93 ,1.3,-105,NNW\n\
        5331,sds,2018-01-01 01:00:00,1e2,0.1,999017,N\n\
        5331,sds,2018-01-01 02:00:00,1,1,1,north\n";
    assert_eq!(
        read(content, mapping),
        [
            row(
                2,
                "sc-sds-5331",
                "2018-01-01T00:00:00Z",
                &[
                    ("pm25", "17.93"),
                    ("temperature", "-10.5"),
                    ("co", "1300"),
                    ("wind_direction", "337.5")
                ]
            ),
            row(
                3,
                "sc-sds-5331",
                "2018-01-01T01:00:00Z",
                &[("pm25", "100"), ("co", "100"), ("wind_direction", "0.0")]
            ),
            (4, Err(Reason::WrongType)),
        ]
    );
}

#[test]
fn an_end_label_is_taken_back_by_the_interval() {
    let mapping = MAPPING.replace("\"start\"", "\"end\"");
    let content = format!("{HEADER}\n2013,3,1,1,1,,A\n2013,3,1,24,2,,A\n2013,12,31,24,3,,A\n");
    let want = vec![
        row(2, "A", "2013-02-28T16:00:00Z", &[("pm25", "1")]),
        row(3, "A", "2013-03-01T15:00:00Z", &[("pm25", "2")]),
        row(4, "A", "2013-12-31T15:00:00Z", &[("pm25", "3")]),
    ];
    assert_eq!(read(&content, &mapping), want);
    let quarter = read(&content, &format!("interval = \"15m\"\n{mapping}"));
    assert_eq!(quarter[0], row(2, "A", "2013-02-28T16:45:00Z", &[("pm25", "1")]));
}

#[test]
fn the_hours_of_a_clock_change() {
    let mapping = |format: &str| {
        format!(
            "device = \"A\"\ntime = {{ column = \"t\", format = \"{format}\", timezone = \"Europe/London\" }}\n\
             columns = {{ pm25 = \"v\" }}"
        )
    };
    let content = "t,v\n2019-03-31 00:30,1\n2019-03-31 01:30,2\n2019-10-27 01:30,3\n2019-10-27 02:30,4\n";
    assert_eq!(
        read(content, &mapping("%Y-%m-%d %H:%M")),
        [
            row(2, "A", "2019-03-31T00:30:00Z", &[("pm25", "1")]),
            (3, Err(Reason::BadTime)),
            row(4, "A", "2019-10-27T00:30:00Z", &[("pm25", "3")]),
            row(5, "A", "2019-10-27T02:30:00Z", &[("pm25", "4")]),
        ]
    );
    for (format, text, want) in [
        (
            "%Y-%m-%dT%H:%M:%S%:z",
            "2019-07-01T08:00:00+08:00",
            "2019-07-01T00:00:00Z",
        ),
        ("%s", "1561939200", "2019-07-01T00:00:00Z"),
        ("%d/%m/%Y", "01/07/2019", "2019-06-30T23:00:00Z"),
        ("%d/%m/%Y %H", "01/07/2019 13", "2019-07-01T12:00:00Z"),
        ("%Y-%m-%d %I:%M %p", "2019-01-01 01:30 PM", "2019-01-01T13:30:00Z"),
        (
            "%Y-%m-%d %H:%M:%S%.f",
            "2019-01-01 00:00:00.25",
            "2019-01-01T00:00:00.250Z",
        ),
    ] {
        let got = read(format!("t,v\n{text},1\n"), &mapping(format));
        assert_eq!(got, [row(2, "A", want, &[("pm25", "1")])], "{format}");
    }
}

#[test]
fn a_mapping_that_cannot_work_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, format!("{HEADER}\n").as_bytes());
    let error = |from: &str, to: &str| {
        assert!(MAPPING.contains(from), "{from}");
        read_file(&path, &MAPPING.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    let missing = error("PM2.5", "PM25");
    for part in [
        "table.csv",
        "\"PM25\"",
        "year, month, day, hour, PM2.5, TEMP, station",
    ] {
        assert!(missing.contains(part), "{missing}");
    }
    assert!(error("pm25 =", "pm2_5 =").contains("\"pm2_5\""));
    assert!(error("{station}", "{Station}").contains("\"Station\""));
    assert!(error("{station}", "{station").contains("unpaired brace"));
    assert!(error("Asia/Shanghai", "Asia/Beijing").contains("\"Asia/Beijing\""));
    assert!(error("format = \"csv\"", "interval = \"1 hour\"").contains("\"1 hour\""));
    assert!(error("format = \"csv\"", "delimiter = \"，\"").contains("'，'"));
    let columns = "columns = [\"year\", \"month\", \"day\", \"hour\"]";
    assert!(error(columns, "column = \"hour\", format = \"%Q\"").contains("\"%Q\""));

    for (from, to, part) in [
        ("missing", "mising", "mising"),
        ("label = \"start\"", "label = \"middle\"", "middle"),
        (columns, "columns = [\"year\"]", "3 to 6"),
        (columns, "column = \"hour\"", "`column` and `format`"),
        ("\"PM2.5\"", "{ column = \"x\", scale = \"big\" }", "scale big"),
        ("\"PM2.5\"", "{ column = \"x\", factor = 2 }", "factor"),
        ("\"PM2.5\"", "7", "a column's name"),
    ] {
        let error = toml::from_str::<Mapping>(&MAPPING.replace(from, to))
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_that_are_no_table() {
    let folder = TempDir::new().unwrap();
    let open = |content: &[u8]| read_file(&file(&folder, content), MAPPING);
    assert!(matches!(open(b""), Err(TableError::NoHeader { .. })));
    assert!(matches!(
        open(b"\xc4\xea,\xd4\xc2\n"),
        Err(TableError::BadHeader { .. })
    ));
    assert!(matches!(
        open(format!("{HEADER},TEMP\n").as_bytes()),
        Err(TableError::AmbiguousColumn { .. })
    ));
    assert!(matches!(
        open(b"\x1f\x8b\x08broken"),
        Err(TableError::Read { .. })
    ));
    assert!(matches!(
        read_file(&folder.path().join("none"), MAPPING),
        Err(TableError::Read { .. })
    ));
}

#[test]
fn a_packed_file_that_breaks_off_says_so() {
    let mut content = format!("{HEADER}\n");
    for hour in 0..20_000 {
        content.push_str(&format!(
            "2013,3,{},{},{hour},1,A\n",
            1 + hour / 24 % 28,
            hour % 24
        ));
    }
    let packed = gzip(content.as_bytes());
    let folder = TempDir::new().unwrap();
    let path = file(&folder, &packed[..packed.len() / 2]);
    let mut reader = TableReader::open(&path, &toml::from_str(MAPPING).unwrap(), parameters()).unwrap();
    let (mut good, mut bad) = (0, Vec::new());
    while let Some(row) = reader.next_row() {
        match row {
            Row::Observation { .. } => good += 1,
            Row::Bad { line, detail, .. } => bad.push((line, detail)),
        }
    }
    assert!(good > 1000);
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].0, good + 2);
    assert!(bad[0].1.contains("cannot be read from here on"), "{bad:?}");
    assert!(reader.failure().unwrap().to_string().contains("table.csv"));
}

#[test]
fn a_line_without_end_is_cut() {
    let long = "9".repeat(3 << 20);
    let content = format!("{HEADER}\n2013,3,1,0,{long},1,A\n2013,3,1,1,9,1,A\n");
    let rows = read(content, MAPPING);
    assert_eq!(rows[0], (2, Err(Reason::BadRow)));
    assert_eq!(rows[1].0, 3);
    assert!(rows[1].1.is_ok());
}

#[test]
fn the_beijing_stations_are_read_without_a_bad_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/prsa/PRSA_Data_Dongsi_20130301-20170228.csv.gz");
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return;
    }
    let mapping = MAPPING.replace(
        "[columns]",
        "[columns]\nwind_direction = { column = \"wd\", kind = \"compass16\" }",
    );
    let parameters = parameters();
    let pm25 = parameters.find("pm25").unwrap();
    let mut reader = TableReader::open(&path, &toml::from_str(&mapping).unwrap(), parameters).unwrap();
    let (mut rows, mut with_pm25, mut first, mut last) = (0, 0, None, Time::default());
    while let Some(row) = reader.next_row() {
        match row {
            Row::Bad {
                line, detail, text, ..
            } => panic!("line {line}: {detail}: {text}"),
            Row::Observation { line, observation } => {
                rows += 1;
                assert_eq!(line, rows + 1);
                let value = observation.reading(pm25).value;
                with_pm25 += u64::from(value.is_some());
                first.get_or_insert((observation.device.clone(), observation.time, value));
                last = observation.time;
            }
        }
    }
    assert_eq!(rows, 35_064);
    assert!((34_000..rows).contains(&with_pm25), "{with_pm25}");
    let start = Time::parse_rfc3339(b"2013-03-01T00:00:00+08:00").unwrap();
    assert_eq!(
        first,
        Some(("Dongsi".to_owned(), start, Some(Decimal::new(9, 0))))
    );
    assert_eq!(last, Time::parse_rfc3339(b"2017-02-28T23:00:00+08:00").unwrap());
    assert_eq!(reader.bytes_read(), reader.bytes_total());
}
