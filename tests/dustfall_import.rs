//! Promise: results are corrected under their number and never overwritten by chance; a file in another unit is refused
//! whole; automatic monitors and laboratories' own results come through the same door.
#![allow(clippy::unwrap_used)]

mod support;

use support::csv::Table;
use support::dustfall::{Point, import, report, world};
use support::fraction::{Fraction, print};
use support::mosquitto::{Memory, Mosquitto};
use support::wire::Wire;
use support::world::{Place, World};

const MN: &str = "ZYJCY2019012200000000001";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110109002", "城子街道")
        .station(MN, "site", "110109001", "1h")
}

const POINTS: [Point<'static>; 4] = [
    ("DY-1", "110109001", ",15.0,,"),
    ("DY-2", "110109001", ",15.0,,"),
    ("CZ-1", "110109002", ",15.0,,"),
    ("DY-A", "110109001", "ZYJCY2019012200000000001,,353.25,30"),
];

fn new_world() -> World {
    world(&place(), &POINTS, "")
}

const HEADER: &str = "样品编号,点位,开始时间,结束时间,m1（g）,m0（g）,m2（g）,备注";

fn lab(lines: &[&str]) -> String {
    format!("\u{feff}{HEADER}\r\n{}\r\n", lines.join("\r\n"))
}

fn outcomes(listed: &Table) -> Vec<[String; 3]> {
    let row = |row: &Vec<String>| [row[1].clone(), row[2].clone(), row[3].clone()];
    listed.rows.iter().map(row).collect()
}

#[test]
fn a_result_is_corrected_under_its_number_and_the_same_file_again_changes_nothing() {
    let world = new_world();
    let first = [
        "S1,DY-1,2019-07-30 09:00,2019-08-29 09:00,32.4815,32.3627,0.0035,",
        "S2,DY-2,2019-07-30 10:00,2019-08-29 10:00,32.4815,32.3627,0.0035,",
    ];
    import(&world, "a.csv", &lab(&first), &[]);
    let again = import(&world, "a.csv", &lab(&first), &[]).1;
    assert!(
        again.contains("2 lines: 0 new, 0 corrected, 2 unchanged"),
        "{again}"
    );

    // One is weighed anew, one is voided; next year's laboratory begins its numbers anew and overwrites nothing.
    let second = [
        "S1,DY-1,2019-07-30 09:00,2019-08-29 09:00,32.4915,32.3627,0.0035,",
        "S2,DY-2,2019-07-30 10:00,2019-08-29 10:00,32.4815,32.3627,0.0035,缸内鸟粪",
    ];
    let (listed, said) = import(&world, "b.csv", &lab(&second), &[]);
    assert!(
        said.contains("2 lines: 0 new, 2 corrected, 0 unchanged, 1 of them flagged; 0 refused"),
        "{said}"
    );
    assert_eq!(outcomes(&listed), [["3", "flagged", "void_note"]]);
    let later = [
        "S1,DY-1,2020-07-30 09:00,2020-08-29 09:00,32.4815,32.3627,0.0035,",
        "S2,CZ-1,2020-07-30 09:00,2020-08-29 09:00,32.4815,32.3627,0.0035,",
    ];
    let (listed, said) = import(&world, "c.csv", &lab(&later), &[]);
    assert_eq!(outcomes(&listed), [["2", "refused", "duplicate_sample"]]);
    assert!(
        said.contains("0 new, 1 corrected"),
        "a voided number is free: {said}"
    );
    let rows = world.query("SELECT sample, site, m1_g, status, source FROM dustfall ORDER BY sample");
    assert_eq!(
        rows.rows,
        [
            ["S1", "DY-1", "32.491500", "valid", "b.csv:2"],
            ["S2", "CZ-1", "32.481500", "valid", "c.csv:3"]
        ]
    );
    assert_eq!(
        world.query("SELECT count(*) FROM dustfall_rows").cell(),
        "5",
        "nothing is taken away"
    );
}

#[test]
fn a_file_in_another_unit_or_with_another_header_is_refused_whole_and_the_others_are_taken() {
    let world = new_world();
    let line = "S1,DY-1,2019-07-30,2019-08-29,32481.5,32362.7,3.5,";
    let milligrams = format!("{}\n{line}\n", HEADER.replace("（g）", "（mg）"));
    let milligrams = world.write("mg.csv", &milligrams).display().to_string();
    let wrong = world
        .write("wrong.csv", "site,weight\nDY-1,3\n")
        .display()
        .to_string();
    let good = lab(&["S1,DY-1,2019-07-30,2019-08-29,32.4815,32.3627,0.0035,"]);
    let good = world.write("good.csv", &good).display().to_string();
    let said = world.dustwatch(&[
        "dustfall",
        "import",
        &milligrams,
        &wrong,
        &good,
        "--format",
        "csv",
    ]);
    said.expect_code(1);
    let listed = Table::parse(&said.stdout);
    assert_eq!(listed.column("reason"), ["bad_file", "bad_file"], "{said}");
    assert!(listed.column("detail")[0].contains("mg"), "{said}");
    assert!(listed.column("detail")[1].contains("weight"), "{said}");
    assert!(said.stderr.contains("2 of 3 files"), "{said}");
    assert_eq!(world.query("SELECT count(*) FROM dustfall").cell(), "1");
    world
        .dustwatch(&["dustfall", "report", "--period", "2019-W32"])
        .expect_code(2);
}

#[test]
fn a_laboratorys_own_results_are_taken_and_zero_is_not_measured() {
    let world = new_world();
    let text = "site,month,value_t_km2_30d,note\nDY-1,2019-08,<0.3,\nDY-2,2019-08,6.5,\nCZ-1,2019-08,0,\n\
                DY-1,2019-09,<0.5,\nDY-1,2019-10,-1,\nDY-1,2019-11,未检出,\nDY-2,2019-11,0.2,无溢出\n";
    let (listed, _) = import(&world, "results.csv", text, &[]);
    assert_eq!(
        outcomes(&listed),
        [
            ["4", "flagged", "not_measured"],
            ["5", "refused", "bad_cell"],
            ["6", "refused", "bad_cell"]
        ]
    );
    let columns = ["code", "value", "points", "status"];
    assert_eq!(
        report(&world, "2019-08", "point", &columns)[..2],
        [["DY-1", "<0.3", "1", "ranked"], ["DY-2", "6.5", "1", "ranked"]]
    );
    // Half of the detection limit and 6.5: the mean is 3.325.
    let mean = Fraction::mean(["0.15", "6.5"].map(|v| Fraction::parse(v).unwrap())).unwrap();
    assert_eq!(
        report(&world, "2019-08", "township", &columns),
        [
            ["110109001", &print(mean.round_half_even(1), 1), "2", "ranked"],
            ["110109002", "", "0", "insufficient_data"]
        ]
    );
    assert_eq!(
        report(&world, "2019-11", "township", &columns)[0],
        ["110109001", "<0.3", "2", "ranked"]
    );
    // Corrected to a measurement: the same point and month.
    let said = import(&world, "later.csv", "点位,月份,降尘量\nCZ-1,2019-08,4.4\n", &[]).1;
    assert!(said.contains("0 new, 1 corrected"), "{said}");
}

/// What `zero` and `value` make of the same results.
#[test]
fn a_setting_says_what_below_the_detection_limit_counts_for() {
    let weighed = "site,sample,exposed_from,exposed_to,m1_g,m0_g,m2_g\n\
                   DY-1,S1,2019-07-30,2019-08-29,30.0070,30.0020,0.0038\nDY-2,S2,2019-07-30,2019-08-29,32.4815,32.3627,0.0035\n";
    let pi = Fraction::parse("3.1415926536").unwrap();
    let deposition = |net: &str| {
        let mouth = pi.times(Fraction::new(225, 4));
        let factor = Fraction::new(300_000, 30);
        let net = Fraction::parse(net).unwrap().times(factor);
        net.times(mouth.inverse())
    };
    let (low, high) = (deposition("0.0012"), deposition("0.1153"));
    for (policy, counted) in [
        ("half", Fraction::new(15, 100)),
        ("zero", Fraction::ZERO),
        ("value", low),
    ] {
        let world = world(&place(), &POINTS, &format!("nd_policy = \"{policy}\""));
        import(&world, "lab.csv", weighed, &[]);
        let mean = Fraction::mean([counted, high]).unwrap();
        let printed = print(mean.round_half_even(9), 9);
        let columns = ["value", "mean"];
        assert_eq!(
            report(&world, "2019-08", "township", &columns)[0],
            [print(mean.round_half_even(1), 1), printed],
            "{policy}"
        );
    }
}

/// Frame I of the field: a34011-Rtd is what the collector gained, a34011-Ori its tare.
#[test]
fn an_automatic_monitor_comes_through_the_same_door() {
    let world = new_world();
    let lines = format!(
        "mn,DataTime,a34011-Rtd,a34011-Ori,a34011-Flag\n{MN},20190103043000,0.1783,178.5465,N\n\
         {MN},20190202043000,0.1911,178.5470,D\n{MN},20190304043000,178.3,178.5471,N\n{MN},20190118043000,0.1,178.6,N\n\
         X-1,20190304043000,0.2,178.5471,N\n{MN},20190503043000,0.1,,N\n"
    );
    let (listed, _) = import(&world, "auto.csv", &lines, &["--automatic"]);
    assert_eq!(
        outcomes(&listed),
        [
            ["3", "flagged", "device_flag"],
            ["4", "flagged", "implausible_net"],
            ["5", "refused", "overlapping_exposure"],
            ["6", "refused", "unknown_site"],
        ]
    );
    let exact = Fraction::parse("0.1783")
        .unwrap()
        .times(Fraction::new(10_000, 1))
        .times(Fraction::parse("353.25").unwrap().inverse());
    let rows = world.query(
        "SELECT site, method, month, m1_g, m0_g, exposure_days, CAST(deposition AS DECIMAL(12, 9)) AS w FROM dustfall \
         WHERE status = 'valid' ORDER BY exposed_to LIMIT 1",
    );
    let w = print(exact.round_half_even(9), 9);
    assert_eq!(
        rows.rows,
        [[
            "DY-A",
            "automatic",
            "2018-12",
            "178.724800",
            "178.546500",
            "30.0",
            &w
        ]]
    );
    assert_eq!(
        report(&world, "2018-12", "point", &["code", "value"])[0],
        ["DY-A", &print(exact.round_half_even(1), 1)]
    );
}

/// The table of observations can carry the grams, once parameters.toml has the two parameters.
#[test]
fn grams_that_came_by_the_wire_are_asked_for_and_imported() {
    let mut place = place();
    place.district_keys = "parameters = \"parameters.toml\"".to_owned();
    let world = world(&place, &POINTS, "");
    world.write(
        "parameters.toml",
        "[[parameter]]\nkey = \"dustfall_gain\"\nname = \"降尘增重\"\nunit = \"g\"\ndecimals = 4\n\
         [[parameter]]\nkey = \"dustfall_tare\"\nname = \"降尘缸皮重\"\nunit = \"g\"\ndecimals = 4\n",
    );
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "dustfall");
    let topic = format!("dust/v1/110109/{MN}/obs");
    wire.publish_and_confirm(
        &topic,
        "e",
        1,
        "\"time\":\"2019-01-03T04:30:00+08:00\",\"dustfall_gain\":0.1783,\"dustfall_tare\":178.5465",
    );
    ingest.terminate().ok();
    let question =
        "SELECT device, observed_at AS time, dustfall_gain AS grams, dustfall_tare AS tare FROM observations";
    let file = world.dustwatch(&["query", question, "--format", "csv"]).ok();
    let (listed, said) = import(&world, "wire.csv", &file, &["--automatic"]);
    assert!(listed.rows.is_empty() && said.contains("1 new"), "{said}");
    let rows = world.query("SELECT sample, m1_g, status FROM dustfall");
    assert_eq!(
        rows.rows,
        [[format!("{MN}@20190103043000").as_str(), "178.724800", "valid"]]
    );
}
