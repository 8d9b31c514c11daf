//! Sheets: headers, lines and cells as people really write them.

use dustwatch_analytics::{AnalyticsError, Sheet, SheetColumn};

fn columns() -> Vec<SheetColumn> {
    vec![
        SheetColumn::required("township", &["镇街"]),
        SheetColumn::optional("value", &["浓度"]),
        SheetColumn::optional("date", &[]),
    ]
}

fn read(content: impl AsRef<[u8]>) -> Result<Sheet, AnalyticsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    std::fs::write(&path, content).unwrap();
    Sheet::read(&path, &columns())
}

fn fault(content: impl AsRef<[u8]>) -> String {
    let error = read(content).unwrap_err();
    assert!(matches!(error, AnalyticsError::Sheet { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn a_header_may_be_ours_or_an_alias_in_any_order_behind_a_byte_order_mark() {
    for text in [
        "township,value\n大峪街道, 48.5 \n",
        "\u{feff}浓度,镇街\r\n48.5,大峪街道\r\n",
        "value,township\n\n48.5,\"大峪街道\"\n",
    ] {
        let sheet = read(text).unwrap();
        assert_eq!(sheet.file(), "list.csv");
        assert!(sheet.has("value") && !sheet.has("date"));
        let lines: Vec<_> = sheet.lines().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 1, "{text:?}");
        assert_eq!(lines[0].text("township"), Some("大峪街道"));
        assert_eq!(
            lines[0].decimal("value").unwrap().map(|d| d.to_string()),
            Some("48.5".to_owned())
        );
        assert_eq!(lines[0].text("date"), None, "a column that is not there is empty");
    }
}

#[test]
fn a_header_that_does_not_fit_refuses_the_file_and_says_what_would() {
    for (text, words) in [
        ("value\n1\n", ["township", "镇街", "missing"]),
        ("township,vlaue\n大峪街道,1\n", ["vlaue", "not known", "value"]),
        ("township,镇街\n大峪街道,大峪街道\n", ["township", "twice", ""]),
    ] {
        let message = fault(text);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert!(message.contains("list.csv"), "{message}");
    }
    // 镇街 in GBK.
    let message = fault([0xd5, 0xf2, 0xbd, 0xd6, b'\n']);
    assert!(message.contains("UTF-8"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let absent = Sheet::read(&folder.path().join("absent.csv"), &columns()).unwrap_err();
    assert!(absent.to_string().contains("absent.csv"), "{absent}");
}

#[test]
fn a_line_that_cannot_be_read_is_refused_with_its_number_and_the_others_go_on() {
    let mut content = "township,value\n大峪街道,1\n城子街道,2,3\n".as_bytes().to_vec();
    content.extend([0xd5, 0xf2, b',', b'4', b'\n']);
    content.extend("\n\"军庄镇\n（含）\",5\n雁翅镇,6\n".as_bytes());
    let windows: Vec<u8> = content
        .iter()
        .flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] })
        .collect();
    for content in [content, windows] {
        let sheet = read(content).unwrap();
        let lines: Vec<Result<(u64, String), (u64, &str)>> = sheet
            .lines()
            .map(|line| match line {
                Ok(line) => Ok((line.number, line.text("value").unwrap().to_owned())),
                Err(refusal) => Err((refusal.line, refusal.reason)),
            })
            .collect();
        assert_eq!(
            lines,
            [
                Ok((2, "1".to_owned())),
                Err((3, "bad_line")),
                Err((4, "bad_line")),
                Ok((6, "5".to_owned())),
                Ok((8, "6".to_owned())),
            ],
            "blank lines and lines within quotes count"
        );
    }
}

#[test]
fn cells_are_read_exactly_or_refused_with_line_and_reason() {
    let sheet = read("township,value,date\n,1e400,2019-02-29\n大峪街道,12.,2019-02-28\n").unwrap();
    let lines: Vec<_> = sheet.lines().map(Result::unwrap).collect();
    let refusals = [
        lines[0].required("township").unwrap_err(),
        lines[0].decimal("value").unwrap_err(),
        lines[0].day("date").unwrap_err(),
        lines[1].decimal("value").unwrap_err(),
        lines[1].parsed::<u32>("township", "a number").unwrap_err(),
    ];
    let seen: Vec<(u64, &str)> = refusals.iter().map(|r| (r.line, r.reason)).collect();
    assert_eq!(
        seen,
        [
            (2, "empty_cell"),
            (2, "bad_cell"),
            (2, "bad_cell"),
            (3, "bad_cell"),
            (3, "bad_cell")
        ]
    );
    assert_eq!(lines[1].source(), "list.csv:3");
    assert!(refusals[4].detail.contains("大峪街道") && refusals[4].detail.contains("a number"));
}

#[test]
fn dates_are_taken_as_people_write_them_if_the_year_is_told_in_full() {
    for (text, day) in [
        ("2019-08-06", Some("2019-08-06")),
        ("2019/8/6", Some("2019-08-06")),
        ("2019年8月6日", Some("2019-08-06")),
        ("2019-8", None),
        ("19-8-6", None),
        ("6/8/2019", None),
        ("2019-08-06 12:00", None),
        ("2019-13-01", None),
        ("0019-08-06", None),
    ] {
        let sheet = read(format!("township,date\nx,{text}\n")).unwrap();
        let line = sheet.lines().next().unwrap().unwrap();
        let got = line.day("date").ok().flatten().map(|d| d.to_string());
        assert_eq!(got.as_deref(), day, "{text}");
    }
    for (text, month) in [
        ("2019-08", Some("2019-08-01")),
        ("2019/8", Some("2019-08-01")),
        ("2019年8月", Some("2019-08-01")),
        ("2019-08-06", None),
        ("2019", None),
        ("2019-00", None),
    ] {
        let sheet = read(format!("township,date\nx,{text}\n")).unwrap();
        let line = sheet.lines().next().unwrap().unwrap();
        let got = line.month("date").ok().flatten().map(|d| d.to_string());
        assert_eq!(got.as_deref(), month, "{text}");
    }
}
