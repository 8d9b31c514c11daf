//! First issues, issues that stand, and revisions.

use super::sample::inputs;
use super::*;

fn later() -> NoticeInputs {
    let mut later = inputs();
    later.issued_on = NaiveDate::from_ymd_opt(2019, 8, 20).unwrap();
    later.program = "dustwatch 9.9.9".to_owned();
    later.pm25.provenance.observations_version = Some(99);
    later.tsp.provenance.hourly_version = None;
    later
}

#[test]
fn a_register_reads_back() {
    let mut inputs = inputs();
    let first = Register::of(&inputs);
    assert_eq!(Register::parse(&first.to_json()).unwrap(), first);
    inputs.pm25.rows[0].value = Some(Published::new(77, 0));
    let (revised, _) = settle(inputs, Some(&first));
    let second = Register::of(&revised);
    assert_eq!(Register::parse(&second.to_json()).unwrap(), second);
    for text in ["", "{}", "[]", "{\"figures\":{}}"] {
        assert!(Register::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_has_not_changed_stands_as_it_was_issued() {
    let (first, issued) = settle(inputs(), None);
    assert_eq!(issued, Issued::First);
    let register = Register::of(&first);
    let (again, issued) = settle(later(), Some(&register));
    assert_eq!(issued, Issued::Unchanged);
    assert_eq!(html(&assemble(&again)), html(&assemble(&first)));
    assert_eq!(markdown(&assemble(&again)), markdown(&assemble(&first)));
}

#[test]
fn a_revision_says_what_changed_and_counts_on() {
    let register = Register::of(&inputs());
    let mut changed = later();
    changed.pm25.rows[3].value = Some(Published::new(33, 0));
    changed.pm25.rows[3].rank = Some(5);
    changed.pm25.rows[3].change_percent = Some(Published::new(-83, 1));
    changed.district_tsp.value = Some(Published::new(114, 0));
    let (revised, issued) = settle(changed.clone(), Some(&register));
    assert_eq!(issued, Issued::Revised);
    let correction = revised.correction.clone().unwrap();
    let said: Vec<(&str, &str, &str, &str)> = (correction.changes.iter())
        .map(|c| {
            (
                c.parameter.as_str(),
                c.name.as_str(),
                c.value.0.as_str(),
                c.value.1.as_str(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [("pm25", "潭柘寺镇", "31", "33"), ("tsp", "全区", "113", "114")]
    );
    assert_eq!(correction.changes[0].rank, ("4".to_owned(), "5".to_owned()));
    assert_eq!(correction.others, 1);
    let notice = assemble(&revised);
    assert_eq!(notice.file_stem(), "weekly-2019-W32-r1");
    assert!(notice.title.ends_with("（更正）"));
    assert_eq!(notice.sections[0].heading, "更正说明");
    assert!(paragraphs(&notice.sections[0]).contains("2019年8月12日印发的本期通报"));
    assert!(markdown(&notice).contains("| PM2.5 | 潭柘寺镇 | 31 | 33 | 4 | 5 |"));

    // The same figures once more: the revision stands. Others again: the next one.
    let register = Register::of(&revised);
    let (again, issued) = settle(changed, Some(&register));
    assert_eq!((issued, again.revision), (Issued::Unchanged, Some(1)));
    assert_eq!(html(&assemble(&again)), html(&notice));
    let (third, issued) = settle(later(), Some(&register));
    assert_eq!((issued, third.revision), (Issued::Revised, Some(2)));
    assert_eq!(
        third.correction.unwrap().changes[1].value,
        ("114".to_owned(), "113".to_owned())
    );
}

#[test]
fn a_revision_of_completeness_alone_says_that_the_ranks_stand() {
    let register = Register::of(&inputs());
    let mut changed = later();
    changed.completeness_tsp[2].valid_hours += 1;
    let (revised, issued) = settle(changed, Some(&register));
    assert_eq!(issued, Issued::Revised);
    let notice = assemble(&revised);
    let text = paragraphs(&notice.sections[0]);
    assert!(text.contains("各镇街浓度和排名不变，其他数据更正1项"), "{text}");
    assert!(tables(&notice.sections[0]).is_empty());
}
