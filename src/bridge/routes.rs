//! The formats along the links between endpoints.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::{Endpoint, EndpointId, Message};
use crate::translate::{LinkFormat, PublicLinks};

/// The links on the path from each endpoint to another, with their formats.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// The format of most links.
    default_format: Arc<LinkFormat>,
    /// By source and destination: the formats of the links on the path, the last one first. Only if not all
    /// are the default.
    format_overrides: HashMap<(EndpointId, EndpointId), Box<[Arc<LinkFormat>]>>,
    /// Creates public links, if enabled.
    public_links: Option<PublicLinks>,
}

/// Two linked endpoints, and their format.
pub(super) type FormattedLink = (EndpointId, EndpointId, Arc<LinkFormat>);

impl Routes {
    /// The routes along `links`; links not listed have the `common` format.
    pub(super) fn new(common: Arc<LinkFormat>, links: &[FormattedLink]) -> Self {
        let mut special = HashMap::new();
        let is_special = |(_, _, format): &FormattedLink| !Arc::ptr_eq(format, &common);
        if links.iter().any(is_special) {
            let mut neighbours: HashMap<EndpointId, Vec<(EndpointId, &Arc<LinkFormat>)>> =
                HashMap::new();
            for (one, other, format) in links {
                neighbours.entry(*one).or_default().push((*other, format));
                neighbours.entry(*other).or_default().push((*one, format));
            }
            for to in neighbours.keys() {
                for_each_path(*to, &neighbours, |from, path| {
                    if path.iter().any(|format| !Arc::ptr_eq(format, &common)) {
                        special.insert((from, *to), path.iter().map(|it| Arc::clone(it)).collect());
                    }
                });
            }
        }
        Self { default_format: common, format_overrides: special, public_links: None }
    }

    /// Enables public links to files and long messages.
    pub(super) fn with_public_links(self, links: Option<PublicLinks>) -> Self {
        Self { public_links: links, ..self }
    }

    /// Keeps the formats that `before` had from and to these endpoints, which are not linked any more.
    pub(super) fn with_former(mut self, before: Self, leaving: &BTreeSet<EndpointId>) -> Self {
        let former = before
            .format_overrides
            .into_iter()
            .filter(|((from, to), _)| leaving.contains(from) || leaving.contains(to));
        self.format_overrides.extend(former);
        self
    }

    /// What creates public links, if enabled.
    pub(super) fn public_links(&self) -> Option<&PublicLinks> {
        self.public_links.as_ref()
    }

    /// The format for messages from `from` to `to`: that of the last link on the path.
    pub(super) fn format(&self, from: EndpointId, to: EndpointId) -> &LinkFormat {
        self.format_overrides
            .get(&(from, to))
            .and_then(|path| path.first())
            .unwrap_or(&self.default_format)
    }

    /// The formats of messages to `to`.
    pub(super) fn formats_to(&self, to: EndpointId) -> impl Iterator<Item = &LinkFormat> {
        let special = self.format_overrides.iter().filter(move |(path, _)| path.1 == to);
        let special = special.filter_map(|(_, path)| path.first());
        std::iter::once(&self.default_format).chain(special).map(|format| &**format)
    }

    /// Whether any link on the path ignores `message` from `endpoint`.
    pub(super) fn is_ignored(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        to: EndpointId,
    ) -> bool {
        match self.format_overrides.get(&(message.source, to)) {
            Some(path) => path.iter().any(|format| format.rules.ignores(message, endpoint)),
            None => self.default_format.rules.ignores(message, endpoint),
        }
    }
}

/// Calls `each` for every path from an endpoint `to` another. There are no cycles.
fn for_each_path<'m>(
    to: EndpointId,
    neighbours: &HashMap<EndpointId, Vec<(EndpointId, &'m Arc<LinkFormat>)>>,
    mut each: impl FnMut(EndpointId, &[&'m Arc<LinkFormat>]),
) {
    let mut ahead: Vec<(EndpointId, EndpointId, Vec<&'m Arc<LinkFormat>>)> =
        vec![(to, to, Vec::new())];
    while let Some((at, before, path)) = ahead.pop() {
        for (next, format) in neighbours.get(&at).into_iter().flatten() {
            if *next == before && at != to {
                continue;
            }
            let mut longer = path.clone();
            longer.push(format);
            each(*next, &longer);
            ahead.push((*next, at, longer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::RoomFormat;

    #[test]
    fn last_link_on_the_path_decides_the_format() {
        let common = Arc::new(LinkFormat::default());
        let room = RoomFormat { inline_images: false, ..RoomFormat::default() };
        let special = Arc::new(LinkFormat { room, ..LinkFormat::default() });
        let [a, b, c, d] = [1, 2, 3, 4].map(EndpointId);
        let links = [(a, b, common.clone()), (b, c, special.clone()), (c, d, common.clone())];
        let routes = Routes::new(common, &links);
        for (from, to, pictures) in [
            (a, b, true),
            (b, a, true),
            (b, c, false),
            (a, c, false),
            (a, d, true),
            (c, a, true),
            (d, b, false),
        ] {
            assert_eq!(routes.format(from, to).room.inline_images, pictures, "{from} to {to}");
        }
        assert_eq!(routes.format_overrides[&(a, d)].len(), 3);
        assert!(!routes.format_overrides.contains_key(&(a, b)));
    }
}
