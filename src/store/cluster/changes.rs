//! What a turn has changed: whole rows, and the keys of rows that are gone.

use super::cell::Cell;

/// The changes of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TurnChanges {
    pub(super) tables: Vec<TableChanges>,
}

/// The changes in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableChanges {
    pub(super) table: String,
    /// The columns of the rows.
    pub(super) columns: Vec<String>,
    /// The columns of the keys.
    pub(super) keys: Vec<String>,
    /// The rows as they are now.
    pub(super) rows: Vec<Vec<Cell>>,
    /// The keys of the rows that are gone.
    pub(super) gone: Vec<Vec<Cell>>,
}

/// The version of the encoding below, its first byte.
const ENCODING: u8 = 1;

impl TurnChanges {
    /// Writes the changes as bytes. They name tables and columns, so that a program with other tables can tell.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![ENCODING];
        put_number(&mut bytes, self.tables.len());
        for table in &self.tables {
            put_bytes(&mut bytes, table.table.as_bytes());
            for names in [&table.columns, &table.keys] {
                put_number(&mut bytes, names.len());
                names.iter().for_each(|name| put_bytes(&mut bytes, name.as_bytes()));
            }
            for rows in [&table.rows, &table.gone] {
                put_number(&mut bytes, rows.len());
                rows.iter().flatten().for_each(|cell| put_cell(&mut bytes, cell));
            }
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote; `None` if this is something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[ENCODING])?;
        let rest = &mut rest;
        let mut tables = Vec::new();
        for _ in 0..take_number(rest)? {
            let table = take_text(rest)?;
            let columns = take_names(rest)?;
            let keys = take_names(rest)?;
            let rows = take_rows(rest, columns.len())?;
            let gone = take_rows(rest, keys.len())?;
            tables.push(TableChanges { table, columns, keys, rows, gone });
        }
        rest.is_empty().then_some(Self { tables })
    }
}

/// Writes a value so that no other is written the same.
pub(super) fn put_cell(bytes: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Null => bytes.push(0),
        Cell::Integer(number) => {
            bytes.push(1);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Cell::Text(text) => {
            bytes.push(2);
            put_bytes(bytes, text.as_bytes());
        }
        Cell::Blob(blob) => {
            bytes.push(3);
            put_bytes(bytes, blob);
        }
    }
}

fn put_bytes(bytes: &mut Vec<u8>, part: &[u8]) {
    put_number(bytes, part.len());
    bytes.extend_from_slice(part);
}

/// Writes seven bits a byte, the lowest first; all but the last have the eighth bit set.
fn put_number(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn take_rows(rest: &mut &[u8], width: usize) -> Option<Vec<Vec<Cell>>> {
    let count = take_number(rest)?;
    // Each value takes a byte at least: a number that is made up asks for no memory.
    if width == 0 || count > rest.len() {
        return (count == 0).then(Vec::new);
    }
    (0..count).map(|_| (0..width).map(|_| take_cell(rest)).collect()).collect()
}

fn take_names(rest: &mut &[u8]) -> Option<Vec<String>> {
    let count = take_number(rest)?;
    (0..count).map(|_| take_text(rest)).collect()
}

fn take_cell(rest: &mut &[u8]) -> Option<Cell> {
    let (of, after) = rest.split_first()?;
    *rest = after;
    Some(match of {
        0 => Cell::Null,
        1 => {
            let (number, after) = rest.split_first_chunk()?;
            *rest = after;
            Cell::Integer(i64::from_be_bytes(*number))
        }
        2 => Cell::Text(take_text(rest)?),
        3 => Cell::Blob(take_bytes(rest)?.to_owned()),
        _ => return None,
    })
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    Some(str::from_utf8(take_bytes(rest)?).ok()?.to_owned())
}

fn take_bytes<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = take_number(rest)?;
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(part)
}

fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            any::<i64>().prop_map(Cell::Integer),
            "[\\x00\\x1Aa\u{E9}]{0,200}".prop_map(Cell::Text),
            vec(any::<u8>(), 0..200).prop_map(Cell::Blob),
        ]
    }

    fn table() -> impl Strategy<Value = TableChanges> {
        (1..4_usize, 1..3_usize).prop_flat_map(|(columns, keys)| {
            (
                "[a-z_]{1,9}",
                vec("[a-z_]{1,9}", columns),
                vec("[a-z_]{1,9}", keys),
                vec(vec(cell(), columns), 0..5),
                vec(vec(cell(), keys), 0..5),
            )
                .prop_map(|(table, columns, keys, rows, gone)| TableChanges {
                    table,
                    columns,
                    keys,
                    rows,
                    gone,
                })
        })
    }

    proptest! {
        #[test]
        fn changes_come_back_and_a_part_of_them_does_not(tables in vec(table(), 0..4), cut in any::<proptest::sample::Index>()) {
            let changes = TurnChanges { tables };
            let bytes = changes.encode();
            prop_assert_eq!(TurnChanges::decode(&bytes), Some(changes));
            prop_assert_eq!(TurnChanges::decode(&bytes[..cut.index(bytes.len())]), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..60)) {
            let _ = TurnChanges::decode(&[&[ENCODING], &bytes[..]].concat());
        }
    }
}
