//! The export: its form, and the file, which is written while it is sent.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::ArchivePages;
use super::export::{ExportFormat, ExportHead, ExportWriter};
use super::html;
use super::html::export_form::export_page;
use super::query::TypedFields;
use super::reader::{ArchiveReading, PageResult, answer, busy, not_read};
use super::sessions::ReaderSession;
use crate::store::archive::{ArchiveError, ArchiveExport, ArchiveLine, ArchiveRoomId};
use crate::web::linking::browser_key::BrowserKey;

/// How many lines, and how many bytes of them, are written at once.
const PIECE_LINES: usize = 500;
const PIECE_BYTES: usize = 256 * 1024;

/// The form.
pub(super) async fn get_form(
    State(pages): State<Arc<ArchivePages>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    form(&pages, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn form(pages: &Arc<ArchivePages>, uri: &Uri, headers: &HeaderMap) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let typed = TypedFields::read(uri.query());
    let page = export_page(&pages.frame(&reading), &reading.rooms, &typed, None);
    Ok(answer(StatusCode::OK, page))
}

/// The file.
pub(super) async fn get_file(
    State(pages): State<Arc<ArchivePages>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    file(&pages, &uri, &headers).await.unwrap_or_else(|it| it)
}

async fn file(pages: &Arc<ArchivePages>, uri: &Uri, headers: &HeaderMap) -> PageResult {
    let reading = pages.reading(headers, uri).await?;
    let typed = TypedFields::read(uri.query());
    let room = typed.room("room").and_then(|room| reading.room(room));
    let room = room.ok_or_else(|| pages.nothing())?;
    let (from, to) = (typed.day("from"), typed.day("to"));
    let format = ExportFormat::read(typed.text("format"));
    let problem = match (&format, from.day, to.day) {
        _ if from.is_wrong() || to.is_wrong() => {
            Some("A day has to look like 2014-02-03, and be between 1970 and 2999.")
        }
        (_, Some(from), Some(to)) if from > to => Some("The first day is after the last one."),
        (None, ..) => Some("Choose a format."),
        _ => None,
    };
    let (None, Some(format)) = (problem, format) else {
        let page = export_page(&pages.frame(&reading), &reading.rooms, &typed, problem);
        return Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, page));
    };
    let (Ok(all), Ok(own)) = (
        pages.exports.clone().try_acquire_owned(),
        reading.session.exports().clone().try_acquire_owned(),
    ) else {
        let text = "Too many exports are on their way. Wait until yours are done, then try again.";
        return Err(busy(html::message_page("Busy", text, None)));
    };
    let range = (from.day.map(|day| pages.zone.start(day)), to.day.map(|day| pages.zone.end(day)));
    let (id, remote_id) = (room.room.id, room.room.remote_id.clone().unwrap_or_default());
    let lines = open(pages, id, range).await?;
    let slug = room.room.slug.clone();
    let head = ExportHead { room: room.name.clone(), slug, from: from.day, to: to.day };
    let name = head.file_name(format);
    let writer = ExportWriter::new(format, head, pages.zone.clone());
    let job = ExportJob::new(pages, &reading, (lines, writer), remote_id, [all, own]);
    let mut response = answer(StatusCode::OK, String::new());
    *response.body_mut() = Body::from_stream(stream::try_unfold(job, ExportJob::next));
    let disposition = format!("attachment; filename=\"{name}\"");
    for (name, value) in [
        (header::CONTENT_TYPE, format.content_type().parse()),
        (header::CONTENT_DISPOSITION, disposition.parse()),
    ] {
        if let Ok(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

async fn open(
    pages: &ArchivePages,
    room: ArchiveRoomId,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> Result<ArchiveExport, Response> {
    pages.desk.read(move |reader| reader.export(room, from, to)).await.map_err(not_read)
}

/// A file that is being sent.
struct ExportJob {
    pages: Arc<ArchivePages>,
    key: BrowserKey,
    session: Arc<ReaderSession>,
    /// The id of the room in Let's Chat.
    room: String,
    archived: Arc<HashSet<String>>,
    writer: ExportWriter,
    lines: Option<ArchiveExport>,
    is_begun: bool,
    _permits: [OwnedSemaphorePermit; 2],
}

impl ExportJob {
    fn new(
        pages: &Arc<ArchivePages>,
        reading: &ArchiveReading,
        (lines, writer): (ArchiveExport, ExportWriter),
        room: String,
        permits: [OwnedSemaphorePermit; 2],
    ) -> Self {
        Self {
            pages: pages.clone(),
            key: reading.key.clone(),
            session: reading.session.clone(),
            room,
            archived: reading.archived.clone(),
            writer,
            lines: Some(lines),
            is_begun: false,
            _permits: permits,
        }
    }

    /// The next piece. An error cuts the file off, so that the browser knows that it is not whole.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(lines) = self.lines.take() else { return Ok(None) };
        self.check().await?;
        let piece = self.pages.desk.go_on(move || read_piece(lines)).await;
        let (rest, lines) = piece.map_err(|_| io::Error::other("the archive cannot be read"))?;
        let mut out = String::new();
        if !self.is_begun {
            self.is_begun = true;
            self.writer.begin(&mut out);
        }
        for line in &lines {
            self.writer.line(line, &mut out);
        }
        if rest.is_none() {
            self.writer.end(&mut out);
        }
        self.lines = rest;
        Ok(Some((out.into(), self)))
    }

    /// Fails if whoever reads is no longer signed in, or may no longer read the room.
    async fn check(&self) -> io::Result<()> {
        let is_signed_in = self.pages.sessions.is_signed_in(&self.key, Instant::now());
        let rooms = self.pages.ask_rooms(&self.session, &self.archived).await;
        let may_read = rooms.is_ok_and(|rooms| rooms.contains_key(&self.room));
        match is_signed_in && may_read {
            true => Ok(()),
            false => Err(io::Error::other("the room may no longer be read")),
        }
    }
}

/// The next lines, and the rest if there may be more.
fn read_piece(
    mut lines: ArchiveExport,
) -> Result<(Option<ArchiveExport>, Vec<ArchiveLine>), ArchiveError> {
    let (mut piece, mut length) = (Vec::new(), 0);
    while piece.len() < PIECE_LINES && length < PIECE_BYTES {
        let Some(line) = lines.next() else { return Ok((None, piece)) };
        let line = line?;
        length += line.text.len();
        piece.push(line);
    }
    Ok((Some(lines), piece))
}
