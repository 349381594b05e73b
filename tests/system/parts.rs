//! How a system is put together.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use treering::event::Pattern;
use treering::system::{Component, ComponentKind, ComponentRegistry, OperationContext, SystemConfig, SystemError, SystemService};

use super::{Log, Part, builder, config};

fn error(parts: Vec<Part>) -> String {
    let built = parts.into_iter().fold(builder(), treering::system::SystemBuilder::service).build();
    built.err().unwrap().to_string()
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let log = Log::default();
    let part = |id| Part::logging(id, &log);
    assert_eq!(error(vec![part("a"), part("a")]), "there are two components \"a\"; give one of them another id");
    assert_eq!(error(vec![part("stores.list")]), "there are two components \"stores.list\"; give one of them another id");
    assert_eq!(
        error(vec![part("Not an id")]),
        "\"Not an id\" cannot be a component's id: ids are lower-case letters, digits and _, in words joined by dots"
    );
    assert_eq!(error(vec![part("a").needs(&["storage"])]), "\"a\" depends on \"storage\", which is not there");
    assert_eq!(
        error(vec![part("storage"), part("a").needs(&["storrage"])]),
        "\"a\" depends on \"storrage\", which is not there (did you mean \"storage\"?)"
    );
    assert_eq!(
        error(vec![part("a").needs(&["stores.list"])]),
        "\"a\" depends on \"stores.list\", which is an operation; services depend on services"
    );
    assert_eq!(
        error(vec![part("z").needs(&["a"]), part("a").needs(&["b"]), part("b").needs(&["c"]), part("c").needs(&["a"])]),
        "components depend on each other in a circle: a -> b -> c -> a; take one of these dependencies out"
    );
    assert_eq!(
        error(vec![part("a").needs(&["a"])]),
        "components depend on each other in a circle: a -> a; take one of these dependencies out"
    );
    assert_eq!(
        error(vec![part("a").needs(&["checker"])]),
        "\"a\" depends on \"checker\", whose feature \"checker\" is off; set `checker = true` in [features], or switch \"a\" off"
    );
}

#[test]
fn features_of_ones_own_are_known_by_their_parts() {
    let log = Log::default();
    let mut config = config();
    config.features.set("mints", false);
    let refused = SystemService::builder(config.clone()).service(Part::logging("mint", &log).of_feature("mint")).build();
    let message = refused.err().unwrap().to_string();
    assert!(
        message.starts_with("features.mints: there is no such key (did you mean \"mint\"?); allowed are audit, checker, flusher"),
        "{message}"
    );

    let system = SystemService::builder(config).service(Part::logging("mint", &log).of_feature("mints")).build().unwrap();
    assert!(system.start().unwrap().ready.is_empty());
    assert_eq!(system.status("mint").unwrap().feature_off.as_deref(), Some("mints"));
    let error = system.start_service("mint").unwrap_err();
    assert_eq!(error.to_string(), "\"mint\" belongs to the feature \"mints\", which is off; set `mints = true` in [features]");
    assert!(
        matches!(system.start_service("mimt").unwrap_err(), SystemError::UnknownService { nearest: Some(nearest), .. } if nearest == "mint")
    );
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn components_are_listed_with_their_schemas() {
    let system = builder().build().unwrap();
    let registry = system.registry();
    let list = registry.get("stores.list").unwrap();
    assert_eq!((list.kind, list.version.as_str()), (ComponentKind::Operation, env!("CARGO_PKG_VERSION")));
    let input = serde_json::to_value(&list.input).unwrap();
    assert_eq!((&input["type"], &input["additionalProperties"]), (&json!("object"), &json!(false)));
    let output = serde_json::to_value(&list.output).unwrap();
    assert_eq!(output["required"], json!(["stores"]));
    let matching: Vec<&str> = registry.matching(&Pattern::parse("stores.*").unwrap()).map(|found| found.id.as_str()).collect();
    assert!(matching.contains(&"stores.list") && matching.iter().all(|id| id.starts_with("stores.")));
    let services: Vec<&str> = registry.by_kind(ComponentKind::Service).map(|found| found.id.as_str()).collect();
    assert!(["checker", "flusher", "pruner"].iter().all(|id| services.contains(id)));
    for component in registry.all().filter(|component| component.kind == ComponentKind::Operation) {
        assert!(component.input.is_some() && component.output.is_some() && component.description.ends_with('.'), "{}", component.id);
        let input = serde_json::to_value(&component.input).unwrap();
        assert_eq!(input["additionalProperties"], json!(false), "{}: a misspelt field would be ignored", component.id);
    }
}

#[test]
fn a_system_makes_and_opens_the_stores_of_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("rootPath = {:?}\ndefaultEngine = \"file\"\n", folder.path().join("trees").to_str().unwrap());
    let system = SystemService::builder(SystemConfig::from_toml(&text).unwrap()).build().unwrap();
    system.start().unwrap();
    system.store().create_store("bank", None, &treering::config::Config::new()).unwrap();
    system.store().save_version().unwrap();
    assert!(system.stop().abandoned.is_empty());
    drop(system);
    // Nothing holds the folder after that.
    let system = SystemService::builder(SystemConfig::from_toml(&text).unwrap()).build().unwrap();
    let listed = system.execute_operation(&OperationContext::local(), "stores.list", json!({})).unwrap();
    assert_eq!((&listed["stores"][0]["engine"], &listed["stores"][0]["version"]), (&json!("file"), &json!(1)));
}

/// Which of these services depends on which: `edges` by index.
fn registry(count: usize, edges: &[(usize, usize)]) -> ComponentRegistry {
    let mut registry = ComponentRegistry::new();
    for id in 0..count {
        let dependencies = edges.iter().filter(|(from, _)| *from == id).map(|(_, to)| format!("s{to}")).collect();
        let component = Component {
            id: format!("s{id}"),
            kind: ComponentKind::Service,
            description: String::new(),
            version: String::new(),
            input: None,
            output: None,
            dependencies,
            feature: None,
        };
        registry.register(component).unwrap();
    }
    registry
}

/// Whether there is a circle, found by taking away what nothing depends on until nothing is left.
fn has_circle(count: usize, edges: &[(usize, usize)]) -> bool {
    let mut left: Vec<usize> = (0..count).collect();
    loop {
        let before = left.len();
        let needed = left.clone();
        left.retain(|id| edges.iter().any(|(from, to)| to == id && needed.contains(from)));
        if left.len() == before {
            return !left.is_empty();
        }
    }
}

proptest! {
    #[test]
    fn every_service_starts_after_what_it_depends_on_or_the_circle_is_a_true_one(
        count in 1_usize..8,
        edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..12),
    ) {
        let edges: Vec<_> = edges.into_iter().filter(|(from, to)| *from < count && *to < count).collect();
        match registry(count, &edges).start_order() {
            Ok(order) => {
                prop_assert!(!has_circle(count, &edges));
                let place: BTreeMap<&str, usize> = order.iter().map(String::as_str).zip(0..).collect();
                prop_assert_eq!(place.len(), count);
                for (from, to) in edges {
                    let (needed, needy) = (format!("s{to}"), format!("s{from}"));
                    prop_assert!(place[&*needed] < place[&*needy]);
                }
            }
            Err(SystemError::Cycle { cycle }) => {
                prop_assert_eq!(cycle.first(), cycle.last());
                prop_assert!(cycle.len() >= 2);
                for step in cycle.windows(2) {
                    let number = |id: &String| id[1..].parse::<usize>().unwrap();
                    prop_assert!(edges.contains(&(number(&step[0]), number(&step[1]))));
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
