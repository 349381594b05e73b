//! `serve`, as a process.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use treering::system::SystemConfig;

use crate::run::{Forest, command, finish, treering};
use crate::server::Server;

/// A configuration file that serves the database of `forest` on a port that the system chooses, with more in [http] and after it.
fn configuration(forest: &Forest, http: &str, more: &str) -> String {
    let root = forest.dir();
    let text = format!("rootPath = {:?}\n[http]\naddress = \"127.0.0.1:0\"\n{http}\n{more}\n", root.to_str().unwrap());
    forest.write("treering.toml", &text).to_str().unwrap().to_owned()
}

fn put(server: &Server, key: &str, value: &str) {
    let answer = server.done("PUT", &format!("/v1/stores/bank/keys/{key}?encoding=utf8"), &json!({ "value": value }).to_string());
    assert_eq!(answer, json!({ "applied": 1 }));
}

#[test]
fn it_says_where_it_listens_and_a_signal_ends_it_with_everything_saved() {
    for signal in [Signal::TERM, Signal::INT] {
        let forest = Forest::empty();
        let config = configuration(&forest, "", "");
        let server = Server::start(&forest, command().args(["serve", "--config", &config]));
        assert_eq!(server.first, format!("serving {} at http://{}\n", forest.dir().display(), server.address));
        assert_eq!(server.ask("GET", "/healthz", ""), (200, json!({ "status": "ok" })));
        server.done("POST", "/v1/stores", r#"{"name":"bank"}"#);
        put(&server, "alice", "64");
        let saved = server.done("POST", "/v1/versions", "");
        assert!(server.log().contains("listening"), "{}", server.log());

        let ended = server.end(signal).ok();
        assert_eq!(ended.out, "stopped\n");
        assert!(!ended.err.contains("WARN") && !ended.err.contains("ERROR"), "{}", ended.err);
        assert_eq!(forest.run("get", &["alice", "--utf8"]).ok().out, "64\n");
        assert_eq!(forest.app_hash(1), saved["app_hash"].as_str().unwrap());
        forest.run("check", &[]).ok();
        let verified = treering(["audit", "verify", forest.dir().to_str().unwrap(), "--json"]).ok().object();
        assert_eq!((&verified["ok"], &verified["entries"]), (&json!(true), &json!(3)));
    }
}

#[test]
fn what_no_version_has_is_told_when_it_ends() {
    let forest = Forest::chain();
    let server = Server::start(
        &forest,
        command().arg("serve").arg(forest.dir()).args(["--address", "127.0.0.1:0", "--json", "--log", "json", "--log-level", "warn"]),
    );
    let first: serde_json::Value = serde_json::from_str(&server.first).unwrap();
    let services = json!(["flusher", "pruner", "checker", "metrics", "http"]);
    assert_eq!(first, json!({ "database": forest.dir(), "address": server.address, "tls": false, "services": services, "waiting": [] }));
    put(&server, "carol", "1");
    let ended = server.end(Signal::TERM).ok();
    assert_eq!(ended.err, "");
    let ended = ended.object();
    assert_eq!((&ended["unsaved"], &ended["abandoned"]), (&json!(["bank"]), &json!([])));

    let server = Server::of(&forest);
    put(&server, "carol", "1");
    let ended = server.end(Signal::INT).ok();
    assert_eq!(ended.out, "stopped; changes since the last version are gone in: bank\n");
    forest.run("get", &["carol", "--utf8", "--store", "bank"]).fails("has no key carol");
}

#[test]
fn a_second_server_is_told_what_the_first_one_has() {
    let forest = Forest::chain();
    let dir = forest.dir();
    let dir = dir.to_str().unwrap();
    let other = forest.beside("other");
    let server = Server::of(&forest);
    let address = server.address.to_string();
    let ran = treering(["serve", other.to_str().unwrap(), "--address", &address]);
    assert_eq!(ran.err, format!("error: {address} is in use by another process; stop that one, or set another `address` in [http]\n"));
    ran.fails("");
    assert!(!other.exists(), "a server that cannot listen makes nothing");
    let is_open = format!(
        "error: another process has the database in {dir} open; stop it first, or, if it is `treering serve`, ask it over HTTP: POST /v1/operations/ID\n"
    );
    for words in [&["serve", dir, "--address", "127.0.0.1:0"][..], &["system", "call", "stores.list", "{}", dir]] {
        let ran = treering(words);
        assert_eq!((ran.err.as_str(), ran.out.as_str()), (is_open.as_str(), ""));
        ran.fails("");
    }
    // The first one does not mind, nor do those who only read.
    assert_eq!(server.done("GET", "/v1/versions/latest", "")["version"], 3);
    assert_eq!(forest.run("app-hash", &[]).ok().out.trim(), forest.app_hash(3));
    server.end(Signal::TERM).ok();
    // The port and the folder are free at once.
    let again = Server::start(&forest, command().args(["serve", dir, "--address", &address]));
    assert_eq!(again.done("GET", "/v1/versions/latest", "")["version"], 3);
    again.end(Signal::TERM).ok();
}

#[test]
fn a_wrong_configuration_is_told_by_its_key() {
    let forest = Forest::empty();
    let refused = |http: &str, more: &str, reason: &str| {
        let file = configuration(&forest, http, more);
        let ran = treering(["serve", "--config", &file]);
        assert_eq!((ran.err.as_str(), ran.out.as_str()), (format!("error: {}\n", reason.replace("FILE", &file)).as_str(), ""));
        ran.fails("");
    };
    let keys = "address, body_limit, concurrency, cors, max_connections, request_timeout, tls_certificate, tls_key";
    refused(
        "body_limt = \"1 MiB\"",
        "",
        &format!("FILE: http.body_limt: there is no such key (did you mean \"body_limit\"?); allowed are {keys}"),
    );
    refused(
        "",
        "[prunner]",
        "FILE: prunner: there is no such key (did you mean \"pruner\"?); allowed are access, audit, checker, defaultEngine, engineConfigs, features, http, pruner, rootPath, services",
    );
    refused(
        "",
        "[features]\nhttpp = true",
        "features.httpp: there is no such key (did you mean \"http\"?); allowed are audit, checker, flusher, http, metrics, pruner",
    );
    refused("concurrency = 0", "", "FILE: http.concurrency: found the number 0; allowed are numbers from 1 to 65536");
    refused("", "[access]\nmode = \"nobody\"", "FILE: access.mode: found the text \"nobody\"; allowed are \"auto\", \"open\", \"tokens\"");
    refused(
        "",
        "[engineConfigs.rocksdb]\ncache_sise = 1",
        "engineConfigs.rocksdb.cache_sise: there is no such key (did you mean \"cache_size\"?); allowed are bloom_bits, cache_size, checkpoint_interval, compression, keep_every, max_versions, read_only, sync_writes, version_ttl",
    );
}

#[test]
fn files_that_are_missing_are_told_with_how_to_make_them() {
    let forest = Forest::empty();
    let beside = |name: &str| forest.beside(name).to_str().unwrap().to_owned();
    let nowhere = beside("nowhere.toml");
    for words in [&["serve", "--config", &nowhere][..], &["system", "call", "stores.list", "{}", "--config", &nowhere]] {
        treering(words)
            .fails(&format!("error: there is no file {nowhere}; `treering config init --out {nowhere}` makes one to begin with\n"));
    }
    let (certificate, key) = (beside("certificate.pem"), beside("key.pem"));
    let file = configuration(&forest, &format!("tls_certificate = {certificate:?}\ntls_key = {key:?}"), "");
    treering(["serve", "--config", &file]).fails(&format!("error: the file {certificate} (tls_certificate in [http]) cannot be used: "));
    let tokens = beside("tokens.toml");
    let file = configuration(&forest, "", &format!("[access]\ntokens = {tokens:?}"));
    let ran = treering(["serve", "--config", &file]);
    assert!(ran.err.ends_with(&format!("; `treering token new NAME --role read --file {tokens}` makes the file\n")), "{}", ran.err);
    ran.fails(&format!("error: the tokens in {tokens}: "));
    let ran = treering(["serve", "trees", "--address", "localhost:7654"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("'localhost:7654'") && ran.err.contains("an address and a port, such as 127.0.0.1:7654, "), "{}", ran.err);
    treering(["serve"]).fails("error: no database was named: give its folder DIR, or set TREERING_DIR\n");
    let elsewhere = beside("elsewhere");
    treering(["serve", &elsewhere, "--config", &file]).fails(&format!("and DIR is {elsewhere}: leave DIR out, or change the file"));
}

#[test]
fn where_others_can_reach_it_tokens_are_needed_and_the_message_says_how_to_make_one() {
    let forest = Forest::chain();
    let run = |words: &[&str]| finish(command().current_dir(forest.beside("")).args(words));
    let ran = run(&["serve", "trees", "--address", "0.0.0.0:0"]);
    let told = "there are no tokens, which 0.0.0.0:0 needs; make one with `treering token new NAME --role read --file tokens.toml` and set `tokens = \"tokens.toml\"` in [access], or listen on 127.0.0.1 with mode \"auto\"";
    assert_eq!(ran.err, format!("error: {told}\n"));
    ran.fails("");

    // As it says.
    let quoted: Vec<&str> = told.split('`').collect();
    let words: Vec<&str> = quoted[1].split(' ').skip(1).collect();
    let token = run(&[&words[..], &["--json"]].concat()).ok().object()["token"].as_str().unwrap().to_owned();
    forest.write("treering.toml", &format!("rootPath = \"trees\"\n[http]\naddress = \"0.0.0.0:0\"\n[access]\n{}\n", quoted[3]));
    let server = Server::start(&forest, command().current_dir(forest.beside("")).args(["serve", "--config", "treering.toml"]));
    assert!(server.address.ip().is_unspecified());
    let (status, answer) = server.ask("GET", "/v1/stores", "");
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("unauthenticated")));
    let header = format!("authorization: Bearer {token}\r\n");
    assert_eq!(server.ask_with(&header, "GET", "/v1/stores", "").0, 200);
    let (status, answer) = server.ask_with(&header, "POST", "/v1/versions", "");
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("denied")));
    assert_eq!(server.ask("GET", "/healthz", "").0, 200);
    server.end(Signal::TERM).ok();
}

#[test]
fn the_file_of_config_init_is_not_written_over_and_serves_with_the_defaults() {
    let forest = Forest::chain();
    let run = |words: &[&str]| finish(command().current_dir(forest.beside("")).args(words));
    let written = run(&["config", "init", "--out", "treering.toml"]).ok();
    assert_eq!(written.out, "");
    let file = forest.beside("treering.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(run(&["config", "init"]).ok().out, text);
    fs::write(&file, format!("{text}# mine\n")).unwrap();
    run(&["config", "init", "--out", "treering.toml"])
        .fails("error: treering.toml is there already, and is left as it is; remove it first, or choose another name\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{text}# mine\n"));
    run(&["config", "init", "--out", "nowhere/treering.toml"]).fails("error: nowhere/treering.toml cannot be written\n");

    let (read, defaults) = (SystemConfig::from_file(&file).unwrap(), SystemConfig::new("trees"));
    assert_eq!(
        (read.http, read.access, read.audit, read.pruner, read.checker, read.services),
        (defaults.http, defaults.access, defaults.audit, defaults.pruner, defaults.checker, defaults.services)
    );
    // Its rootPath is the folder of the database; the default port may be in use where tests run.
    let mut serve = command();
    serve.current_dir(forest.beside("")).args(["serve", "--config", "treering.toml", "--address", "127.0.0.1:0"]);
    let server = Server::start(&forest, &mut serve);
    assert_eq!(server.done("GET", "/v1/versions/latest", "")["version"], 3);
    let services = server.done("GET", "/v1/services", "");
    for service in services["services"].as_array().unwrap() {
        assert_eq!((&service["state"]["name"], &service["feature_off"]), (&json!("running"), &json!(null)), "{service}");
    }
    server.end(Signal::TERM).ok();
}

#[test]
fn new_stores_go_to_the_engine_that_the_database_was_made_with() {
    let forest = Forest::made_with(&["--engine", "file"]);
    let server = Server::of(&forest);
    assert_eq!(server.done("POST", "/v1/stores", r#"{"name":"bank"}"#)["engine"], "file");
    server.end(Signal::TERM).ok();
    let dir = forest.dir();
    let call = |input: &str| treering(["system", "call", "stores.create", input, dir.to_str().unwrap(), "--json"]).ok().object();
    assert_eq!(call(r#"{"name":"gov"}"#)["engine"], "file");
    assert_eq!(call(r#"{"name":"pool","engine":"memory"}"#)["engine"], "memory");
}

/// Runs the program as somebody who may do nothing in particular. `None` where that cannot be tried.
#[cfg(unix)]
fn as_nobody(forest: &Forest) -> Option<std::process::Command> {
    use std::os::unix::process::CommandExt;

    if !rustix::process::geteuid().is_root() {
        return Some(command());
    }
    // The program may lie where only root may look.
    let program = forest.beside("treering");
    fs::copy(env!("CARGO_BIN_EXE_treering"), &program).unwrap();
    let mut nobody = std::process::Command::new(&program);
    nobody.uid(65_534).gid(65_534).env_remove("TREERING_DIR").stdin(std::process::Stdio::null());
    match nobody.arg("--version").output() {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("SKIPPED: root may do everything here, and cannot run the program as somebody else: {other:?}");
            return None;
        }
    }
    let mut nobody = std::process::Command::new(program);
    nobody.uid(65_534).gid(65_534).env_remove("TREERING_DIR").stdin(std::process::Stdio::null());
    Some(nobody)
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
#[cfg(unix)]
fn a_folder_without_rights_is_named() {
    let forest = Forest::chain();
    permit(&forest.beside(""), 0o755);
    let locked = forest.beside("locked");
    fs::create_dir(&locked).unwrap();
    for (folder, mode) in [(forest.dir(), 0o000), (locked.join("trees"), 0o555)] {
        let Some(mut serve) = as_nobody(&forest) else { return };
        let closed = if folder.exists() { &folder } else { &locked };
        permit(closed, mode);
        let ran = finish(serve.arg("serve").arg(&folder).args(["--address", "127.0.0.1:0"]));
        permit(closed, 0o755);
        assert!(ran.err.contains(folder.to_str().unwrap()) && ran.err.contains("Permission denied"), "{}", ran.err);
        ran.fails("");
    }
    assert!(!locked.join("trees").exists());
    forest.run("check", &[]).ok();
}
