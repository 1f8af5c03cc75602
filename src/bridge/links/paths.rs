//! The paths between the endpoints of a group: which links a message crosses.
//!
//! The links of a group form a tree. Each endpoint knows the way to the root, so that a path is found without keeping
//! one for each pair.

use std::collections::{HashMap, HashSet};

use crate::domain::EndpointId;

/// The trees of all groups.
#[derive(Debug, Default)]
pub(in crate::bridge) struct LinkPaths {
    nodes: HashMap<EndpointId, PathNode>,
}

/// An endpoint in its tree.
#[derive(Debug)]
struct PathNode {
    root: EndpointId,
    depth: u32,
    /// The next endpoint on the way to the root, if it is not the root itself.
    parent: Option<EndpointId>,
    /// The endpoints that it is linked with, each with the number of the link.
    neighbours: Vec<(EndpointId, usize)>,
}

impl PathNode {
    /// The number of the link to this neighbour.
    fn link_to(&self, neighbour: EndpointId) -> Option<usize> {
        let link = self.neighbours.iter().find(|(next, _)| *next == neighbour);
        link.map(|(_, link)| *link)
    }
}

impl LinkPaths {
    /// The paths along these links, which are numbered in this order. One that would close a circle is left out.
    pub(super) fn new(links: &[(EndpointId, EndpointId)]) -> Self {
        let mut neighbours: HashMap<EndpointId, Vec<(EndpointId, usize)>> = HashMap::new();
        let mut sets = DisjointSets::default();
        for (number, (one, other)) in links.iter().enumerate() {
            if sets.join(*one, *other) {
                neighbours.entry(*one).or_default().push((*other, number));
                neighbours.entry(*other).or_default().push((*one, number));
            }
        }
        let mut paths = Self::default();
        for (root, _) in links {
            paths.grow(*root, &mut neighbours);
        }
        paths
    }

    /// Adds the tree with this root, unless it is there.
    fn grow(
        &mut self,
        root: EndpointId,
        neighbours: &mut HashMap<EndpointId, Vec<(EndpointId, usize)>>,
    ) {
        let mut ahead = vec![(root, None, 0)];
        while let Some((at, parent, depth)) = ahead.pop() {
            let Some(neighbours) = neighbours.remove(&at) else { continue };
            let children = neighbours.iter().filter(|(next, _)| Some(*next) != parent);
            ahead.extend(children.map(|(next, _)| (*next, Some(at), depth + 1)));
            self.nodes.insert(at, PathNode { root, depth, parent, neighbours });
        }
    }

    /// The number of the last link on the path. Where there is no path (the source is no longer linked, or it is the
    /// destination itself), the destination's first link.
    pub(super) fn last_link(&self, from: EndpointId, to: EndpointId) -> Option<usize> {
        let destination = self.nodes.get(&to)?;
        let before = self.before(from, to, destination);
        let by_it =
            |before: EndpointId| destination.neighbours.iter().find(|(next, _)| *next == before);
        before.and_then(by_it).or(destination.neighbours.first()).map(|(_, link)| *link)
    }

    /// Whether the link with this number is the one that stands in for a missing path to `to`.
    pub(super) fn is_first_link(&self, link: usize, to: EndpointId) -> bool {
        let first = self.nodes.get(&to).and_then(|node| node.neighbours.first());
        first.is_some_and(|(_, first)| *first == link)
    }

    /// The last endpoint before `to` on the path.
    fn before(
        &self,
        from: EndpointId,
        to: EndpointId,
        destination: &PathNode,
    ) -> Option<EndpointId> {
        let mut at = from;
        let mut node = self.nodes.get(&at).filter(|node| node.root == destination.root)?;
        while node.depth > destination.depth + 1 {
            at = node.parent?;
            node = self.nodes.get(&at)?;
        }
        if node.parent == Some(to) { Some(at) } else { destination.parent.filter(|_| from != to) }
    }

    /// The first link on the path for which this is true, by its number and the endpoint to which the path leads over it.
    /// `None` where there is no path.
    pub(super) fn first_on_path(
        &self,
        from: EndpointId,
        to: EndpointId,
        is_meant: impl Fn(usize, EndpointId) -> bool,
    ) -> Option<(usize, EndpointId)> {
        let (mut start, mut end) = (from, to);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while start != end {
            let (first, last) = (self.nodes.get(&start)?, self.nodes.get(&end)?);
            if first.root != last.root {
                return None;
            }
            if first.depth >= last.depth {
                let parent = first.parent?;
                up.push((first.link_to(parent)?, parent));
                start = parent;
            } else {
                let parent = last.parent?;
                down.push((last.link_to(parent)?, end));
                end = parent;
            }
        }
        let mut path = up.into_iter().chain(down.into_iter().rev());
        path.find(|(link, next)| is_meant(*link, *next))
    }

    /// All endpoints of the group of `endpoint`, with it.
    pub(super) fn group(&self, endpoint: EndpointId) -> HashSet<EndpointId> {
        let mut group = self.sources(endpoint, |_, _| true);
        group.insert(endpoint);
        group
    }

    /// The endpoints whose path to `to` crosses a link for which this is true.
    pub(super) fn sources_across(
        &self,
        to: EndpointId,
        is_meant: impl Fn(usize) -> bool,
    ) -> HashSet<EndpointId> {
        self.sources(to, |link, before| before || is_meant(link))
    }

    /// The endpoints whose path to `to` ends with the link with this number.
    pub(super) fn sources_behind(&self, link: usize, to: EndpointId) -> HashSet<EndpointId> {
        let Some(node) = self.nodes.get(&to) else { return HashSet::new() };
        let next = node.neighbours.iter().find(|(_, number)| *number == link);
        self.sources(to, |number, before| before || next.is_some_and(|(_, it)| *it == number))
    }

    /// Walks away from `to`, and collects the endpoints where `mark` is true: it is given the link that leads there,
    /// and what it was at the endpoint before.
    fn sources(&self, to: EndpointId, mark: impl Fn(usize, bool) -> bool) -> HashSet<EndpointId> {
        let mut found = HashSet::new();
        let mut ahead = vec![(to, to, false)];
        while let Some((at, before, is_marked)) = ahead.pop() {
            for (next, link) in self.nodes.get(&at).map_or(&[][..], |node| &node.neighbours) {
                if *next == before && at != to {
                    continue;
                }
                let is_next_marked = mark(*link, is_marked);
                if is_next_marked {
                    found.insert(*next);
                }
                ahead.push((*next, at, is_next_marked));
            }
        }
        found
    }
}

/// Which endpoints are connected already.
#[derive(Debug, Default)]
struct DisjointSets {
    parents: HashMap<EndpointId, EndpointId>,
}

impl DisjointSets {
    /// Connects both. Returns false if they were connected.
    fn join(&mut self, one: EndpointId, other: EndpointId) -> bool {
        let (one, other) = (self.find(one), self.find(other));
        if one == other {
            return false;
        }
        self.parents.insert(one, other);
        true
    }

    fn find(&mut self, mut at: EndpointId) -> EndpointId {
        while let Some(parent) = self.parents.get(&at).copied() {
            // Halves the way for the next time.
            if let Some(above) = self.parents.get(&parent).copied() {
                self.parents.insert(at, above);
            }
            at = parent;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [EndpointId; 6] =
        [EndpointId(1), EndpointId(2), EndpointId(3), EndpointId(4), EndpointId(5), EndpointId(6)];

    /// A star of b with a, c and d, where e hangs on d; and f, which is not linked.
    fn paths() -> LinkPaths {
        let [a, b, c, d, e, _] = ENDS;
        LinkPaths::new(&[(a, b), (c, b), (d, b), (d, e), (e, a)])
    }

    #[test]
    fn last_link_leads_to_the_destination() {
        let [a, b, c, d, e, f] = ENDS;
        for (from, to, link) in [
            (a, b, Some(0)),
            (b, a, Some(0)),
            (a, c, Some(1)),
            (c, a, Some(0)),
            (e, b, Some(2)),
            (a, d, Some(2)),
            (e, d, Some(3)),
            (a, e, Some(3)),
            // No path.
            (d, d, Some(2)),
            (f, b, Some(0)),
            (a, f, None),
        ] {
            assert_eq!(paths().last_link(from, to), link, "{from} to {to}");
        }
        assert!(paths().is_first_link(0, b) && !paths().is_first_link(1, b));
    }

    #[test]
    fn first_link_on_the_path_is_found_by_its_direction() {
        let [a, b, c, d, e, f] = ENDS;
        let found = |from, to, meant: &[(usize, EndpointId)]| {
            let found = paths().first_on_path(from, to, |link, next| meant.contains(&(link, next)));
            found.map(|(link, _)| link)
        };
        for (from, to, meant, link) in [
            (a, e, &[(0, b), (2, d), (3, e)][..], Some(0)),
            (a, e, &[(2, d), (3, e)], Some(2)),
            (a, e, &[(3, e)], Some(3)),
            // Only the other way.
            (a, e, &[(0, a), (2, b), (3, d)], None),
            (e, a, &[(0, a), (2, b)], Some(2)),
            (e, a, &[(0, a)], Some(0)),
            (a, c, &[(1, c), (2, d)], Some(1)),
            (a, a, &[(0, b), (0, a)], None),
            (a, f, &[(0, b)], None),
        ] {
            assert_eq!(found(from, to, meant), link, "{from} to {to} {meant:?}");
        }
    }

    #[test]
    fn sources_across_a_link_are_those_behind_it() {
        let [a, b, c, d, e, f] = ENDS;
        let across = |to, link| {
            let mut found: Vec<i64> =
                paths().sources_across(to, |it| it == link).iter().map(|it| it.0).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(across(a, 0), [b, c, d, e].map(|it| it.0));
        assert_eq!(across(c, 0), [a.0]);
        assert_eq!(across(b, 2), [d, e].map(|it| it.0));
        assert_eq!(across(e, 2), [a, b, c].map(|it| it.0));
        assert_eq!(across(f, 0), [0; 0]);
        assert_eq!(paths().sources_behind(2, d), HashSet::from([a, b, c]));
        assert_eq!(paths().group(c), HashSet::from([a, b, c, d, e]));
    }
}
