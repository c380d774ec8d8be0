//! `docs/asvs.md` answers every requirement of the levels 1 and 2 of OWASP ASVS 5.0.0 once, and what it points at exists.

use std::collections::BTreeMap;
use std::path::Path;

/// Section, and the numbers in it that are of level 1 or 2.
const ASKED: &str = "
V1.1: 1 2
V1.2: 1 2 3 4 5 6 7 8 9
V1.3: 1 2 3 4 5 6 7 8 9 10 11
V1.4: 1 2 3
V1.5: 1 2
V2.1: 1 2 3
V2.2: 1 2 3
V2.3: 1 2 3 4
V2.4: 1
V3.2: 1 2
V3.3: 1 2 3 4
V3.4: 1 2 3 4 5 6
V3.5: 1 2 3 4 5
V3.7: 1 2
V4.1: 1 2 3
V4.2: 1
V4.3: 1 2
V4.4: 1 2 3 4
V5.1: 1
V5.2: 1 2 3
V5.3: 1 2
V5.4: 1 2 3
V6.1: 1 2 3
V6.2: 1 2 3 4 5 6 7 8 9 10 11 12
V6.3: 1 2 3 4
V6.4: 1 2 3 4
V6.5: 1 2 3 4 5
V6.6: 1 2 3
V6.8: 1 2 3 4
V7.1: 1 2 3
V7.2: 1 2 3 4
V7.3: 1 2
V7.4: 1 2 3 4 5
V7.5: 1 2
V7.6: 1 2
V8.1: 1 2
V8.2: 1 2 3
V8.3: 1
V8.4: 1
V9.1: 1 2 3
V9.2: 1 2 3 4
V10.1: 1 2
V10.2: 1 2
V10.3: 1 2 3 4
V10.4: 1 2 3 4 5 6 7 8 9 10 11
V10.5: 1 2 3 4 5
V10.6: 1 2
V10.7: 1 2 3
V11.1: 1 2
V11.2: 1 2 3
V11.3: 1 2 3
V11.4: 1 2 3 4
V11.5: 1
V11.6: 1
V12.1: 1 2 3
V12.2: 1 2
V12.3: 1 2 3 4
V13.1: 1
V13.2: 1 2 3 4 5
V13.3: 1 2
V13.4: 1 2 3 4 5
V14.1: 1 2
V14.2: 1 2 3 4
V14.3: 1 2 3
V15.1: 1 2 3
V15.2: 1 2 3
V15.3: 1 2 3 4 5 6 7
V16.1: 1
V16.2: 1 2 3 4 5
V16.3: 1 2 3 4
V16.4: 1 2 3
V16.5: 1 2 3
V17.1: 1
V17.2: 1 2 3 4
V17.3: 1 2
";
const STATES: [&str; 3] = ["met by", "not applicable", "open"];

#[test]
fn every_requirement_is_answered_once_and_truly() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = std::fs::read_to_string(root.join("docs/asvs.md")).unwrap();
    let wrong = mistakes(&root, &document);
    assert!(wrong.is_empty(), "docs/asvs.md:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let here = "crates/app/tests/it/asvs.rs";
    let rows = format!(
        "| V1.1.1 | label: perhaps | |\n| V1.1.2 | met by | `crates/none.rs` |\n| V1.1.2 | met by | `{here}::no_such` |\n\
         | V99.1.1 | open | |\n"
    );
    let wrong = mistakes(&root, &rows).join("\n");
    for sign in [
        "V1.1.1: state",
        "V1.1.2: 2 times",
        "V99.1.1: not asked",
        "V17.3.2: 0 times",
        "crates/none.rs",
        "no_such",
        "met by: there are 2",
    ] {
        assert!(wrong.contains(sign), "{sign} is not in\n{wrong}");
    }
}

fn asked() -> Vec<String> {
    let sections = ASKED.trim().lines().filter_map(|line| line.split_once(": "));
    sections
        .flat_map(|(section, numbers)| numbers.split(' ').map(move |number| format!("{section}.{number}")))
        .collect()
}

fn mistakes(root: &Path, document: &str) -> Vec<String> {
    let (asked, mut wrong, mut times) = (asked(), Vec::new(), BTreeMap::<String, usize>::new());
    let mut of_state = STATES.map(|state| (state, 0));
    for row in document.lines().filter(|line| line.starts_with("| V")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let id = cells[0].split(' ').next().unwrap_or_default();
        *times.entry(id.to_owned()).or_default() += 1;
        match of_state.iter_mut().find(|(state, _)| cells.get(1) == Some(state)) {
            Some((_, count)) => *count += 1,
            None => wrong.push(format!("{id}: state")),
        }
    }
    for (state, count) in of_state.iter().filter(|(state, count)| !document.contains(&format!("| {state} | {count} |")))
    {
        wrong.push(format!("{state}: there are {count}"));
    }
    wrong.extend(times.keys().filter(|id| !asked.contains(id)).map(|id| format!("{id}: not asked")));
    for id in asked {
        let count = times.get(&id).copied().unwrap_or_default();
        if count != 1 {
            wrong.push(format!("{id}: {count} times"));
        }
    }
    wrong.extend(
        document
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("crates/"))
            .filter_map(|code| missing(root, code)),
    );
    wrong
}

/// What `path` or `path::function` names and is not there.
fn missing(root: &Path, code: &str) -> Option<String> {
    let (path, function) = code.split_once("::").map_or((code, None), |(path, function)| (path, Some(function)));
    let Some(function) = function else {
        return (!root.join(path).exists()).then(|| format!("{path} does not exist"));
    };
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    (!text.contains(&format!("fn {function}("))).then(|| format!("{code}: no such function"))
}
