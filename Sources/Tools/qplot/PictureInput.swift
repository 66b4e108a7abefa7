import FilterKit
import Groundwork
import Tables

/// An opened table, and what the command line says of the picture.
struct PictureInput {
  var session: FilterSession
  var header: Header
  var groups: String?
  var target: String?
  var by: String?
  var order: String?
  var timeFormat: TimeFormat?
  var intervals: String?
  var rows: Int?
  var bins: Int?
  var panels: Int?
  /// How many bars beside each other are told apart.
  var mostBars: Int

  /// Calls `take` for each row in order; what it throws makes the row a bad one, so it keeps nothing of a row before all was read.
  func forEachRow(_ take: @escaping (Row) throws -> Void) throws {
    let (counts, _) = try session.stream(header, writesRows: false, threads: 1) { _ in RowReader(take) }
    if counts.read == counts.skipped { throw session.failure("nothing to draw: there are no \(counts.read > 0 ? "good " : "")rows") }
    try session.keepRejects()
    if counts.skipped > 0, let first = counts.firstSkipped {
      session.diagnostics.warn("skipped \(counted(counts.skipped, "bad row")), the first at \(first)")
    }
  }
}

private final class RowReader: RowWorker {
  private let take: (Row) throws -> Void

  init(_ take: @escaping (Row) throws -> Void) { self.take = take }

  override func handle(_ row: Row, into output: ByteBuffer) throws { try take(row) }
}
