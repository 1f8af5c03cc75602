//! Which places are joined to which, without loops.

use std::collections::VecDeque;

use crate::domain::Endpoint;

/// Places and what joins them: a forest.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// In order of first mention.
    places: Vec<Endpoint>,
    /// For each place, those next to it.
    neighbours: Vec<Vec<usize>>,
}

impl Graph {
    /// Joins two places. If they are already joined, another way would repeat everything: then the
    /// way that there is comes back, from `left` to `right`.
    pub(super) fn join(&mut self, left: &Endpoint, right: &Endpoint) -> Result<(), Vec<Endpoint>> {
        let (left, right) = (self.number(left), self.number(right));
        if let Some(way) = self.way(left, right) {
            return Err(way.into_iter().map(|number| self.places[number].clone()).collect());
        }
        self.neighbours[left].push(right);
        self.neighbours[right].push(left);
        Ok(())
    }

    /// The places that hear each other, all in order of first mention.
    pub(super) fn conversations(&self) -> Vec<Vec<Endpoint>> {
        let mut conversations: Vec<(Vec<bool>, Vec<Endpoint>)> = Vec::new();
        for (number, place) in self.places.iter().enumerate() {
            match conversations.iter_mut().find(|(reached, _)| reached[number]) {
                Some((_, places)) => places.push(place.clone()),
                None => {
                    let reached = self.from(number).iter().map(Option::is_some).collect();
                    conversations.push((reached, vec![place.clone()]));
                }
            }
        }
        conversations.into_iter().map(|(_, places)| places).collect()
    }

    fn number(&mut self, place: &Endpoint) -> usize {
        self.places.iter().position(|known| known == place).unwrap_or_else(|| {
            self.places.push(place.clone());
            self.neighbours.push(Vec::new());
            self.places.len() - 1
        })
    }

    fn way(&self, left: usize, right: usize) -> Option<Vec<usize>> {
        let towards_right = self.from(right);
        towards_right[left]?;
        let mut way = vec![left];
        let mut at = left;
        while at != right {
            at = towards_right[at]?;
            way.push(at);
        }
        Some(way)
    }

    /// For each place that can be reached from `start`: the next one on the way back.
    fn from(&self, start: usize) -> Vec<Option<usize>> {
        let mut back = vec![None; self.places.len()];
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

    /// Rooms stand for all places here.
    fn graph(links: &str) -> (Graph, Vec<String>) {
        let mut graph = Graph::default();
        let mut refused = Vec::new();
        for link in links.split_whitespace() {
            let (left, right) = link.split_once('-').expect("a link is left-right");
            if let Err(way) = graph.join(&Endpoint::room(left), &Endpoint::room(right)) {
                refused.push(names(&way));
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
        let (graph, refused) = graph(links);
        assert_eq!(refused, [""; 0], "{links}");
        let found: Vec<_> = graph.conversations().iter().map(|places| names(places)).collect();
        assert_eq!(found, expected, "{links}");
    }

    #[track_caller]
    fn refused(links: &str, way: &str) {
        assert_eq!(graph(links).1, [way], "{links}");
    }

    #[test]
    fn places_that_are_joined_share_a_conversation() {
        conversations("", &[]);
        conversations("a-b", &["a b"]);
        conversations("a-b c-d", &["a b", "c d"]);
        conversations("a-b c-d d-e b-f", &["a b f", "c d e"]);
        conversations("a-b c-d b-d", &["a b c d"]);
    }

    #[test]
    fn no_loop_is_closed() {
        refused("a-b a-b", "a b");
        refused("a-b b-a", "b a");
        refused("a-b c-b c-d a-d", "a b c d");
        refused("a-b x-y c-b d-a c-d", "c b a d");
        refused("a-a", "a");
    }
}
