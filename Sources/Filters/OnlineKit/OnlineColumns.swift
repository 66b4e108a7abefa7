import FilterKit
import Tables

/// The columns by which an online run knows its rows: their series, the groups within it, when they stand and their truth comes out, and what tells
/// them apart.
package struct OnlineColumns {
  package let target: Int
  package let by: [Int]
  package let within: [Int]
  package let order: TimeColumn?
  package let known: TimeColumn?
  private let id: [Int]?
  private let lag: TimeSpan?

  /// Finds them, and checks the law of roles. Throws for rows in copies, which would teach several times.
  package init(
    _ session: FilterSession, _ header: Header, _ identity: OnlineIdentity, within: [String] = [], target: TargetOption, _ options: OrderOptions,
    _ format: TimeOption
  ) throws {
    try session.refuseCopies(header)
    self.target = try session.requiredTarget(header, named: target.target)
    by = try session.columns(header, identity.by)
    self.within = try session.columns(header, within)
    (order, known) = try session.timeColumns(header, options, try format.format())
    id = try identity.id.map { try session.columns(header, $0) }
    lag = options.lagSpan
    try session.checkRoles(
      header, alone: [("--target", self.target)],
      shared: [
        ("--by", by), ("--within", self.within), ("--order", [order?.column].compactMap { $0 }),
        ("--known", [known?.column].compactMap { $0 }), ("--id", id ?? []),
      ])
  }

  /// An account of series of which nothing is known yet.
  package func series(_ session: FilterSession, _ header: Header) -> OnlineSeries {
    OnlineSeries(header, by: by, order: order, lag: lag, format: session.reader.format)
  }

  /// Room for rows that wait, of which there are none yet.
  package func noRows<Content>(limit: Int) -> AnsweredRows<Content> { AnsweredRows(limit: limit, lag: lag) }

  /// The book of a run that goes on from these. `keeps` tells whether there is a file that keeps rows until their targets come.
  package func book<Content>(
    _ series: OnlineSeries, _ kept: AnsweredRows<Content>, _ header: Header, keeps: Bool, learntRows: Int
  ) -> AnswerBook<Content> {
    let keepsAnswers = keeps && (order != nil || id != nil)
    let identity = keepsAnswers || known != nil ? RowIdentity(header, id: id, by: by + within, order: order, known: known) : nil
    return AnswerBook(series, kept, identity, keepsAnswers: keepsAnswers, learntRows: learntRows)
  }
}
