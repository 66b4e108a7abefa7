import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// A kind of picture: what it is of, which flags it takes, and how it comes from a table.
struct Picture: Sendable {
  let name: String
  let summary: String
  /// The flags, of those that not all pictures take.
  let flags: Set<String>
  /// Whether it is of rows with quantiles.
  var isOfRows = false
  /// Whether those rows must have a target.
  var needsTarget = true
  /// The reports that it is of, the one that it is meant for first.
  var reports: [Report] = []
  /// `report` is the one that the table is; nil is rows.
  let draw: @Sendable (_ input: PictureInput, _ report: Report?) throws -> Drawing
}

/// Every picture; a new one is a file and a line here.
let pictures = [fanPicture, reliabilityPicture, pitPicture, scoresPicture, weightsPicture]

/// An opened table, and what the command line says of the picture.
struct PictureInput {
  var session: FilterSession
  var header: Header
  var groups: String?
  var target: String?
  var by: String?
  var order: String?
  var intervals: String?
  var rows: Int?
  var bins: Int?
  var panels: Int?
  /// How many bars beside each other are told apart.
  var mostBars: Int

  /// Calls `take` for each row in order; what it throws makes the row a bad one, so it keeps nothing of a row before all was read.
  func forEachRow(_ take: @escaping (Row) throws -> Void) throws {
    let counts = try session.stream(header, writesRows: false, threads: 1) { RowReader(take) }
    if counts.read == counts.skipped { throw session.failure("nothing to draw: there are no \(counts.read > 0 ? "good " : "")rows") }
    try session.policy.rejects?.close()
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
