//! `faasbench storage`: a folder as S3, and the objects of workloads in it.

use rustix::process::Signal;

use crate::support::Installation;

#[test]
fn inputs_are_uploaded_once_listed_and_cleaned_away() {
    let installation = Installation::new();
    let mut serving = installation.start(&["storage", "serve", "objects", "--listen", "127.0.0.1:0"]);
    let printed = serving.until(|serving| {
        let printed = serving.printed();
        printed.contains("AWS_SECRET_ACCESS_KEY").then_some(printed)
    });
    let value = |prefix: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(prefix)).unwrap();
        line.trim_matches('\'').to_owned()
    };
    let location = value("--storage ");
    let key = [
        ("AWS_ACCESS_KEY_ID", value("export AWS_ACCESS_KEY_ID=")),
        ("AWS_SECRET_ACCESS_KEY", value("export AWS_SECRET_ACCESS_KEY=")),
    ];
    let key = [(key[0].0, key[0].1.as_str()), (key[1].0, key[1].1.as_str())];
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--storage", &location, "--json"]].concat();
        let ended = installation.run_with(&arguments, &key);
        ended.succeeds();
        assert!(!ended.stdout.contains(key[1].1) && !ended.stderr.contains(key[1].1));
        ended.json()
    };
    let first = run(&["storage", "upload"]);
    assert_eq!(first[0]["written"], 1, "{first}");
    assert_eq!(first[1]["written"], 8, "{first}");
    let second = run(&["storage", "upload"]);
    assert_eq!((&second[0]["written"], &second[1]["written"]), (&0.into(), &0.into()), "{second}");
    let listed = run(&["storage", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 9, "{listed}");
    assert_eq!(run(&["storage", "clean"])["objects"], 0);
    assert_eq!(run(&["storage", "clean", "--inputs"])["objects"], 9);
    assert_eq!(run(&["storage", "list"]).as_array().unwrap().len(), 0);
    // Without the key nobody is let in.
    let refused = installation.run_with(
        &["storage", "list", "--storage", &location],
        &[("AWS_ACCESS_KEY_ID", "other"), ("AWS_SECRET_ACCESS_KEY", "other")],
    );
    assert!(matches!(refused.code, Some(1 | 2)), "{refused:?}");
    serving.signal(Signal::TERM);
    assert_eq!(serving.wait().code, Some(0));
}

#[test]
fn a_folder_has_its_inputs_at_once() {
    let installation = Installation::new();
    let ended = installation.run(&["storage", "upload", "thumbnailer", "--storage", "here", "--json"]);
    ended.succeeds();
    assert_eq!(ended.json()[0]["present"], 1);
    let ended = installation.run(&["storage", "list", "input/thumbnailer", "--storage", "here"]);
    assert!(ended.succeeds().contains("photograph.jpg"), "{ended:?}");
    installation.run(&["storage", "upload", "function1"]).fails_with(2, &["function1", "thumbnailer"]);
    installation.run(&["storage", "list", "--storage", "ftp://x"]).fails_with(2, &["s3://"]);
}
