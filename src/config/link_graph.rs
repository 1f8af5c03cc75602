//! The graph of links between channels and rooms. It has no loops.

use std::collections::{HashMap, VecDeque};

use crate::domain::Endpoint;

/// Channels and rooms with their links: a forest.
#[derive(Debug, Default)]
pub(super) struct LinkGraph {
    /// In order of first mention.
    endpoints: Vec<Endpoint>,
    numbers: HashMap<Endpoint, usize>,
    /// The neighbours of each endpoint.
    neighbours: Vec<Vec<usize>>,
    /// Another endpoint of its group, which leads to the one that stands for the group and for itself.
    leaders: Vec<usize>,
}

impl LinkGraph {
    /// Links two endpoints. If they are linked already, a second path would duplicate messages:
    /// returns the existing path, from `left` to `right`.
    pub(super) fn connect(
        &mut self,
        left: &Endpoint,
        right: &Endpoint,
    ) -> Result<(), Vec<Endpoint>> {
        let (left, right) = (self.index_or_insert(left), self.index_or_insert(right));
        let (group, other) = (self.leader(left), self.leader(right));
        if group == other {
            let path = self.path(left, right).unwrap_or_default();
            return Err(path.into_iter().map(|number| self.endpoints[number].clone()).collect());
        }
        // The ways to it stay short.
        for member in [left, right, other] {
            self.leaders[member] = group;
        }
        self.neighbours[left].push(right);
        self.neighbours[right].push(left);
        Ok(())
    }

    /// The groups of endpoints that are linked, directly or through others; in order of first
    /// mention.
    pub(super) fn groups(&self) -> Vec<Vec<Endpoint>> {
        let mut groups: Vec<Vec<Endpoint>> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for number in 0..self.endpoints.len() {
            let place = *places.entry(self.leader(number)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(self.endpoints[number].clone());
        }
        groups
    }

    /// The endpoint that stands for the group of this one.
    fn leader(&self, mut number: usize) -> usize {
        while self.leaders[number] != number {
            number = self.leaders[number];
        }
        number
    }

    fn index_or_insert(&mut self, place: &Endpoint) -> usize {
        if let Some(number) = self.numbers.get(place) {
            return *number;
        }
        let number = self.endpoints.len();
        self.numbers.insert(place.clone(), number);
        self.endpoints.push(place.clone());
        self.neighbours.push(Vec::new());
        self.leaders.push(number);
        number
    }

    fn path(&self, left: usize, right: usize) -> Option<Vec<usize>> {
        let towards_right = self.parents_from(right);
        towards_right[left]?;
        let mut path = vec![left];
        let mut at = left;
        while at != right {
            at = towards_right[at]?;
            path.push(at);
        }
        Some(path)
    }

    /// For each endpoint that can be reached from `start`: the next one on the way back.
    fn parents_from(&self, start: usize) -> Vec<Option<usize>> {
        let mut back = vec![None; self.endpoints.len()];
        back[start] = Some(start);
        let mut waiting = VecDeque::from([start]);
        while let Some(at) = waiting.pop_front() {
            for &next in &self.neighbours[at] {
                if back[next].is_none() {
                    back[next] = Some(at);
                    waiting.push_back(next);
                }
            }
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rooms stand for all endpoints here.
    fn build_graph(links: &str) -> (LinkGraph, Vec<String>) {
        let mut graph = LinkGraph::default();
        let mut refused = Vec::new();
        for link in links.split_whitespace() {
            let (left, right) = link.split_once('-').expect("a link is left-right");
            if let Err(path) = graph.connect(&Endpoint::room(left), &Endpoint::room(right)) {
                refused.push(names(&path));
            }
        }
        (graph, refused)
    }

    fn names(places: &[Endpoint]) -> String {
        let name = |place: &Endpoint| place.to_string().replace("letschat/", "");
        places.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn conversations(links: &str, expected: &[&str]) {
        let (graph, refused) = build_graph(links);
        assert_eq!(refused, [""; 0], "{links}");
        let found: Vec<_> = graph.groups().iter().map(|places| names(places)).collect();
        assert_eq!(found, expected, "{links}");
    }

    #[track_caller]
    fn assert_rejected(links: &str, way: &str) {
        assert_eq!(build_graph(links).1, [way], "{links}");
    }

    #[test]
    fn connected_endpoints_form_one_group() {
        conversations("", &[]);
        conversations("a-b", &["a b"]);
        conversations("a-b c-d", &["a b", "c d"]);
        conversations("a-b c-d d-e b-f", &["a b f", "c d e"]);
        conversations("a-b c-d b-d", &["a b c d"]);
    }

    #[test]
    fn link_that_closes_a_loop_is_rejected_with_its_path() {
        assert_rejected("a-b a-b", "a b");
        assert_rejected("a-b b-a", "b a");
        assert_rejected("a-b c-b c-d a-d", "a b c d");
        assert_rejected("a-b x-y c-b d-a c-d", "c b a d");
        assert_rejected("a-a", "a");
    }
}
