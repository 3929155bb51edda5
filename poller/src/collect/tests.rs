//! Tests of the runner of collectors.

use super::*;
use routeros::row::Row;

#[test]
fn a_poll_asks_only_for_the_properties_it_reads() {
    for command in commands() {
        let words: Vec<_> = command.words().collect();
        assert_eq!(words.len(), 2, "{command:?}");
        assert!(words.iter().any(|word| word.starts_with(b"=.proplist=")));
    }
}

#[test]
fn a_collector_that_fails_costs_its_part_alone() {
    let mut answers = vec![Answer::default(); commands().len()];
    answers[0].rows = [Row::new().with("name", "core")].into();
    answers[1].trap = Some(Trap::new(None, b"not enough permissions (9)"));

    let seen = observe(&answers);

    assert_eq!(seen.identity, Some("core".into()));
    assert_eq!(
        seen.problems,
        [(
            "resource".to_owned(),
            "the device refused: not enough permissions (9)".into()
        )]
    );
    assert_eq!(seen.interfaces, Some(Vec::new()));
}

#[test]
fn a_menu_that_the_device_lacks_is_no_problem_where_it_is_optional() {
    let mut answers = vec![Answer::default(); commands().len()];
    answers[0].rows = [Row::new().with("name", "chr")].into();
    answers[1].rows = [Row::new().with("uptime", "1d").with("version", "7.20")].into();
    for answer in &mut answers[2..5] {
        answer.trap = Some(Trap::new(
            Some(Category::Missing),
            b"no such command prefix",
        ));
    }

    let seen = observe(&answers);

    assert_eq!(seen.problems, []);
    assert_eq!(seen.serial, None);
}

#[test]
fn what_a_device_lacks_is_not_asked_for_and_reads_as_if_it_had_been() {
    let answers: Vec<_> = Capabilities::questions("admin")
        .iter()
        .map(|question| Answer {
            trap: (question.path() == "/system/routerboard/print")
                .then(|| Trap::new(None, b"no such command prefix")),
            ..Answer::default()
        })
        .collect();
    let known = capabilities(&answers);

    let asked = commands_for(&known);

    assert_eq!(asked.len(), commands().len() - 1);
    assert!(
        asked
            .iter()
            .all(|asked| asked.path() != "/system/routerboard/print")
    );
    let mut answers = vec![Answer::default(); asked.len()];
    answers[0].rows = [Row::new().with("name", "chr")].into();
    answers[1].rows = [Row::new().with("uptime", "1d")].into();
    answers[2].rows = [Row::new().with("system-id", "XyZ")].into();
    let seen = observe(&aligned(&known, answers));
    assert_eq!(seen.problems, []);
    assert_eq!(seen.serial, Some("XyZ".into()));
}

#[test]
fn too_few_answers_are_problems_and_not_a_panic() {
    let seen = observe(&[]);

    assert_eq!(seen.problems.len(), PROBES.len());
}

#[test]
fn a_text_is_kept_to_a_sensible_length() {
    let row = Row::new()
        .with("name", "x".repeat(70_000))
        .with("comment", "");

    assert_eq!(text(&row.view(), "name").unwrap().raw().len(), MAX_TEXT);
    assert_eq!(text(&row.view(), "comment"), None);
}
