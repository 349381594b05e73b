//! All components of a system, by id.

use std::collections::{BTreeMap, BTreeSet};

use super::component::{Component, ComponentKind};
use super::error::SystemError;
use crate::config::nearest;
use crate::event::Pattern;

/// The components of a system. No two have an id; [`ComponentRegistry::start_order`] tells whether their dependencies can be met.
#[derive(Default, Debug)]
pub struct ComponentRegistry {
    components: BTreeMap<String, Component>,
    /// Their ids, in the order in which they were registered.
    registered: Vec<String>,
}

/// How far the search for an order has come with a component.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It is on the path that is searched.
    OnPath,
    /// It has its place.
    Placed,
}

impl ComponentRegistry {
    /// One without components.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component. O(log n).
    ///
    /// # Errors
    /// [`SystemError::DuplicateId`], [`SystemError::BadId`].
    pub fn register(&mut self, component: Component) -> Result<(), SystemError> {
        check_id(&component.id)?;
        if self.components.contains_key(&component.id) {
            return Err(SystemError::DuplicateId { id: component.id });
        }
        self.registered.push(component.id.clone());
        self.components.insert(component.id.clone(), component);
        Ok(())
    }

    /// The component `id`. O(log n).
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Component> {
        self.components.get(id)
    }

    /// All components, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// Those of a kind, in the order of their ids.
    pub fn by_kind(&self, kind: ComponentKind) -> impl Iterator<Item = &Component> {
        self.all().filter(move |component| component.kind == kind)
    }

    /// Those whose ids a pattern such as `store.*` matches, in the order of their ids.
    pub fn matching(&self, pattern: &Pattern) -> impl Iterator<Item = &Component> {
        self.all().filter(move |component| pattern.matches(&component.id))
    }

    /// The id of that kind which `id` was probably meant to be.
    #[must_use]
    pub fn nearest(&self, kind: ComponentKind, id: &str) -> Option<&str> {
        nearest(id, self.by_kind(kind).map(|component| component.id.as_str()))
    }

    /// The ids of all services, each after those that it depends on; otherwise in the order in which they were registered. O(n log n).
    ///
    /// # Errors
    /// [`SystemError::UnknownDependency`], [`SystemError::NoService`], [`SystemError::Cycle`].
    pub fn start_order(&self) -> Result<Vec<String>, SystemError> {
        let (mut marks, mut order) = (BTreeMap::new(), Vec::new());
        for component in self.registered.iter().filter_map(|id| self.get(id)) {
            self.place(component, &mut Vec::new(), &mut marks, &mut order)?;
        }
        let is_service = |id: &String| self.get(id).is_some_and(|component| component.kind == ComponentKind::Service);
        Ok(order.into_iter().filter(is_service).collect())
    }

    /// The ids of the services that depend on `id`, and on those, and so on.
    #[must_use]
    pub fn dependents(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut pending = vec![id.to_owned()];
        while let Some(needed) = pending.pop() {
            for component in self.by_kind(ComponentKind::Service).filter(|component| component.dependencies.contains(&needed)) {
                if found.insert(component.id.clone()) {
                    pending.push(component.id.clone());
                }
            }
        }
        found
    }

    /// Puts what a component depends on, and then itself, into `order`. As deep as the longest chain of dependencies.
    fn place<'a>(
        &'a self,
        component: &'a Component,
        path: &mut Vec<&'a str>,
        marks: &mut BTreeMap<&'a str, Mark>,
        order: &mut Vec<String>,
    ) -> Result<(), SystemError> {
        let id = component.id.as_str();
        match marks.get(id) {
            Some(Mark::Placed) => return Ok(()),
            Some(Mark::OnPath) => return Err(SystemError::Cycle { cycle: cycle(path, id) }),
            None => {}
        }
        marks.insert(id, Mark::OnPath);
        path.push(id);
        for dependency in &component.dependencies {
            self.place(self.dependency(component, dependency)?, path, marks, order)?;
        }
        path.pop();
        marks.insert(id, Mark::Placed);
        order.push(id.to_owned());
        Ok(())
    }

    fn dependency(&self, component: &Component, dependency: &str) -> Result<&Component, SystemError> {
        let id = || component.id.clone();
        let Some(found) = self.get(dependency) else {
            let nearest = nearest(dependency, self.components.keys().map(String::as_str)).map(str::to_owned);
            return Err(SystemError::UnknownDependency { id: id(), dependency: dependency.to_owned(), nearest });
        };
        if component.kind == ComponentKind::Service && found.kind == ComponentKind::Operation {
            return Err(SystemError::NoService { id: id(), dependency: dependency.to_owned() });
        }
        Ok(found)
    }
}

/// The part of a path from where it comes to `id` first, and `id` again.
fn cycle(path: &[&str], id: &str) -> Vec<String> {
    path.iter().skip_while(|step| **step != id).chain([&id]).map(|step| (*step).to_owned()).collect()
}

/// An id is what a pattern without stars is, so that patterns can say every id.
fn check_id(id: &str) -> Result<(), SystemError> {
    let is_topic_like = Pattern::parse(id).is_ok() && !id.contains('*');
    let why = "ids are lower-case letters, digits and _, in words joined by dots";
    if is_topic_like { Ok(()) } else { Err(SystemError::BadId { id: id.to_owned(), why }) }
}
