//! Since when the bridge mirrors each channel, for imports of what was said before.

use std::path::Path;

use jiff::Timestamp;

use super::columns::time_from_sql;
use super::{DB_FILE, StoreError, look};
use crate::domain::Endpoint;

/// The channels that the bridge of `directory` has joined, and when it first did; it mirrors nothing that was said before.
/// The bridge may run meanwhile. Empty if there is no database.
///
/// # Errors
/// When the database cannot be read.
pub fn read_first_joins(directory: &Path) -> Result<Vec<(Endpoint, Timestamp)>, StoreError> {
    if !directory.join(DB_FILE).exists() {
        return Ok(Vec::new());
    }
    let connection = look::open_to_read(directory)?;
    let mut statement = connection
        .prepare("SELECT name, first_joined FROM endpoint WHERE first_joined IS NOT NULL")?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, time_from_sql(row.get(1)?))))?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let channel = |(name, at): (String, Timestamp)| {
        let endpoint = Endpoint::parse(&name)?;
        endpoint.network().is_some().then_some((endpoint, at))
    };
    Ok(rows.into_iter().filter_map(channel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;
    use crate::store::Store;

    #[test]
    fn first_join_of_each_channel_is_read_beside_the_bridge() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(read_first_joins(directory.path()).expect("works"), []);
        let mut store = Store::open(directory.path()).expect("opens");
        let tea = Endpoint::channel(&Network::new("office"), "#tea");
        let at = |second| Timestamp::from_second(second).expect("a time");
        let id = store.endpoint_id(&tea).expect("works");
        store.endpoint_id(&Endpoint::channel(&Network::new("office"), "#other")).expect("works");
        store.endpoint_id(&Endpoint::room("tea")).expect("works");
        store.init_channel(id, at(1_000), at(2_000)).expect("works");
        store.commit().expect("works");
        assert_eq!(read_first_joins(directory.path()).expect("works"), [(tea, at(1_000))]);
    }
}
