//! How services live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use treering::event::{Event, Pattern};
use treering::system::{ServiceState, SystemService, Wake};

use super::{LONG, Log, Part, builder, config, state, until};

#[test]
fn services_start_after_what_they_depend_on_and_stop_before_it() {
    let log = Log::default();
    let part = |id| Part::logging(id, &log);
    let system = builder()
        .service(part("web").needs(&["cache", "queue"]))
        .service(part("cache").needs(&["disk"]))
        .service(part("queue").needs(&["disk"]))
        .service(part("disk"))
        .service(part("alone"))
        .build()
        .unwrap();
    assert_eq!(state(&system, "disk"), ServiceState::Stopped);
    let events = system.events().subscribe(Pattern::parse("system.service.*").unwrap(), 64);
    let started = system.start().unwrap();
    assert_eq!(started.ready, ["disk", "cache", "queue", "web", "alone"]);
    assert!(started.waiting.is_empty());
    assert!(system.statuses().iter().filter(|status| status.feature_off.is_none()).all(|status| status.state == ServiceState::Running));
    assert_eq!(system.start().unwrap(), started, "starting again changes nothing");
    let stopped = system.stop();
    assert_eq!(stopped.stopped, ["alone", "web", "queue", "cache", "disk"]);
    assert!(stopped.abandoned.is_empty());
    let expected = ["+disk", "+cache", "+queue", "+web", "+alone", "-alone", "-web", "-queue", "-cache", "-disk"];
    assert_eq!(*log.lock().unwrap(), expected);
    let told: Vec<String> = std::iter::from_fn(|| events.try_recv().ok())
        .map(|published| match &*published.event {
            Event::ServiceStarted(started) => format!("+{}", started.service),
            Event::ServiceStopped(stopped) => format!("-{}", stopped.service),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, expected);
    assert!(system.stop().stopped.is_empty(), "stopping again changes nothing");
}

#[test]
fn a_service_can_be_stopped_and_started_with_those_that_need_it() {
    let log = Log::default();
    let part = |id| Part::logging(id, &log);
    let system = builder().service(part("disk")).service(part("cache").needs(&["disk"])).service(part("alone")).build().unwrap();
    system.start().unwrap();
    assert_eq!(system.stop_service("disk").unwrap().stopped, ["cache", "disk"]);
    assert_eq!(state(&system, "alone"), ServiceState::Running);
    assert_eq!(system.start_service("cache").unwrap().ready, ["disk", "cache"]);
    assert_eq!(system.stop_service("cache").unwrap().stopped, ["cache"]);
    assert_eq!(state(&system, "disk"), ServiceState::Running);
    let error = system.stop_service("disc").unwrap_err();
    assert_eq!(error.to_string(), "there is no service \"disc\" (did you mean \"disk\"?)");
}

#[test]
fn a_service_that_fails_or_panics_is_started_again_while_others_go_on() {
    let (log, tries) = (Log::default(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&tries);
    let unsteady = Part::new("unsteady", move |context| {
        let attempt = counted.fetch_add(1, Ordering::SeqCst);
        context.ready();
        match attempt {
            0 => Err("the first try went wrong".into()),
            1 => panic!("the second try went {}", "worse"),
            2 => std::panic::panic_any(7),
            _ => {
                context.wait_for_stop();
                Ok(())
            }
        }
    });
    let system = builder().service(Part::logging("steady", &log)).service(unsteady).build().unwrap();
    let events = system.events().subscribe(Pattern::parse("system.service.failed").unwrap(), 64);
    let begun = Instant::now();
    system.start().unwrap();
    until("the fourth try", || state(&system, "unsteady") == ServiceState::Running && tries.load(Ordering::SeqCst) == 4);
    assert!(begun.elapsed() >= Duration::from_millis(10 + 20 + 40), "it waits longer after each failure");
    let status = system.status("unsteady").unwrap();
    assert_eq!((status.restarts, status.last_error.as_deref()), (3, Some("it panicked: it did not say why")));
    let told: Vec<(String, u64)> = std::iter::from_fn(|| events.try_recv().ok())
        .map(|published| match &*published.event {
            Event::ServiceFailed(failed) => (failed.error.clone(), failed.restarts),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = ["the first try went wrong", "it panicked: the second try went worse", "it panicked: it did not say why"];
    assert_eq!(told, expected.map(str::to_owned).into_iter().zip(0..).collect::<Vec<_>>());
    assert_eq!(*log.lock().unwrap(), ["+steady"], "the other one was left alone");
    assert!(system.stop().abandoned.is_empty());
}

#[test]
fn a_service_waits_for_one_that_fails_and_starts_when_that_is_well() {
    let (log, is_well) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let well = Arc::clone(&is_well);
    let sick = Part::new("sick", move |context| {
        if !well.load(Ordering::SeqCst) {
            return Err("no room".into());
        }
        context.ready();
        context.wait_for_stop();
        Ok(())
    });
    let system = builder().service(sick).service(Part::logging("needy", &log).needs(&["sick"])).build().unwrap();
    let started = system.start().unwrap();
    assert_eq!(started.waiting, ["sick", "needy"]);
    until("a failure", || matches!(state(&system, "sick"), ServiceState::Failed { restarts: 1.., ref error, .. } if error == "no room"));
    assert_eq!(state(&system, "needy"), ServiceState::Starting);
    is_well.store(true, Ordering::SeqCst);
    until("both run", || state(&system, "needy") == ServiceState::Running);
    assert_eq!(system.stop().stopped, ["needy", "sick"]);
}

#[test]
fn stopping_does_not_wait_for_the_next_try() {
    let mut config = config();
    (config.services.restart_first, config.services.restart_most) = (LONG, LONG);
    let system = SystemService::builder(config).service(Part::new("sick", |_| Err("never".into()))).build().unwrap();
    system.start().unwrap();
    until("a failure", || matches!(state(&system, "sick"), ServiceState::Failed { .. }));
    let begun = Instant::now();
    assert_eq!(system.stop().stopped, ["sick"]);
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn one_that_is_done_stays_done_and_counts_as_ready() {
    let log = Log::default();
    let once = Part::new("once", |_| Ok(()));
    let system = builder().service(once).service(Part::logging("after", &log).needs(&["once"])).build().unwrap();
    assert_eq!(system.start().unwrap().ready, ["once", "after"]);
    assert_eq!((state(&system, "once"), state(&system, "after")), (ServiceState::Stopped, ServiceState::Running));
    assert_eq!(system.stop().stopped, ["after"]);
}

#[test]
fn one_that_does_not_stop_in_time_is_left_behind_and_the_others_stop() {
    let mut config = config();
    config.services.stop_timeout = Duration::from_millis(50);
    let (log, may_end) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let may = Arc::clone(&may_end);
    let deaf = Part::new("deaf", move |context| {
        context.ready();
        while !may.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    });
    let system = SystemService::builder(config)
        .service(Part::logging("disk", &log))
        .service(deaf.needs(&["disk"]))
        .service(Part::logging("web", &log).needs(&["deaf"]))
        .build()
        .unwrap();
    system.start().unwrap();
    let begun = Instant::now();
    let report = system.stop();
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!((report.stopped, report.abandoned), (vec!["web".to_owned(), "disk".to_owned()], vec!["deaf".to_owned()]));
    let status = system.status("deaf").unwrap();
    assert_eq!((status.state, status.last_error.as_deref()), (ServiceState::Stopping, Some("it did not stop within 0.05 s")));
    let error = system.start_service("deaf").unwrap_err();
    assert_eq!(error.to_string(), "\"deaf\" was told to stop and is still at it; start it when it has");
    may_end.store(true, Ordering::SeqCst);
    until("it ends", || state(&system, "deaf") == ServiceState::Stopped);
    assert_eq!(system.start_service("deaf").unwrap().ready, ["disk", "deaf"]);
}

#[test]
fn starting_goes_on_after_a_while_without_one_that_is_not_ready() {
    let mut config = config();
    config.services.start_timeout = Duration::from_millis(30);
    let log = Log::default();
    let slow = Part::new("slow", |context| {
        context.wait_for_stop();
        Ok(())
    });
    let system = SystemService::builder(config).service(slow).service(Part::logging("other", &log)).build().unwrap();
    let report = system.start().unwrap();
    assert_eq!((report.ready, report.waiting), (vec!["other".to_owned()], vec!["slow".to_owned()]));
    assert_eq!(state(&system, "slow"), ServiceState::Starting);
}

#[test]
fn a_service_can_stop_itself() {
    let quitter = Part::new("quitter", |context| {
        context.ready();
        let report = context.system().stop_service("quitter")?;
        assert!(context.stopping() && context.wait(LONG) == Wake::Stopping);
        assert_eq!(report.abandoned, ["quitter"]);
        Ok(())
    });
    let system = builder().service(quitter).build().unwrap();
    system.start().unwrap();
    until("it stops", || state(&system, "quitter") == ServiceState::Stopped);
}

#[test]
fn the_last_handle_stops_the_services() {
    let log = Log::default();
    let system = builder().service(Part::logging("a", &log)).build().unwrap();
    system.start().unwrap();
    let other = system.clone();
    drop(system);
    assert_eq!(*log.lock().unwrap(), ["+a"]);
    drop(other);
    assert_eq!(*log.lock().unwrap(), ["+a", "-a"]);
}

#[test]
fn a_service_says_how_its_work_goes() {
    let part = Part::new("worker", |context| {
        context.report(json!({ "done": 7 }));
        context.ready();
        context.wait_for_stop();
        Ok(())
    });
    let system = builder().service(part).build().unwrap();
    system.start().unwrap();
    let status = serde_json::to_value(system.status("worker").unwrap()).unwrap();
    assert_eq!((&status["report"], &status["state"]), (&json!({ "done": 7 }), &json!({ "name": "running" })));
}

/// Many threads start and stop the same services at once: nothing hangs, and each ends as it was told last.
#[test]
fn starting_and_stopping_at_once_from_many_threads_ends_well() {
    let log = Log::default();
    let system = builder().service(Part::logging("disk", &log)).service(Part::logging("web", &log).needs(&["disk"])).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let system = &system;
            scope.spawn(move || {
                for round in 0..25 {
                    let id = if (thread + round) % 2 == 0 { "disk" } else { "web" };
                    // One that is just stopping cannot be started.
                    let _ = if round % 3 == 0 { system.stop_service(id).map(drop) } else { system.start_service(id).map(drop) };
                }
            });
        }
    });
    assert!(system.stop().abandoned.is_empty());
    let log = log.lock().unwrap();
    for id in ["disk", "web"] {
        let own: Vec<&str> = log.iter().map(String::as_str).filter(|entry| entry[1..] == *id).collect();
        assert!(own.len().is_multiple_of(2), "{own:?}");
        assert!(own.iter().zip(["+", "-"].iter().cycle()).all(|(entry, mark)| entry.starts_with(mark)), "never twice at once: {own:?}");
    }
}
