import Groundwork
import Tables

/// One run of a tool over a table: what every mode shares, in the order in which it happens.
public struct TableRun {
  private let tool: String
  private let options: TableOptions
  private let modelColumns: [String]?
  private let others: [String]
  private let flags: [GivenFlag]

  /// `modelColumns` names the columns where there is no header line, `others` are files that are read beside the table, and `flags` are those of
  /// the command line.
  public init(_ tool: String, _ options: TableOptions, flags: [GivenFlag], modelColumns: [String]? = nil, reading others: [String] = []) {
    self.flags = flags
    self.tool = tool
    self.options = options
    self.modelColumns = modelColumns
    self.others = others
  }

  private func open() throws -> FilterSession {
    try FilterSession(tool: tool, options, modelColumns: modelColumns, reading: others, flags: flags)
  }

  /// Roles of the columns; nil where no row is to be read.
  private func roles<Task: TableTask>(_ task: Task, _ header: Header, _ session: FilterSession) throws -> Task.Roles? {
    let roles = try task.roles(header, session)
    if options.explain {
      try session.explain(try task.explanation(roles, header, session))
      return nil
    }
    return try task.begin(roles, header, session) ? roles : nil
  }

  /// Roles and the encoder of what is written; nil where no row is to be read.
  private func start<Task: TableTask>(_ task: Task, _ header: Header, _ session: FilterSession) throws -> (Task.Roles, RowEncoder)? {
    guard let roles = try roles(task, header, session) else { return nil }
    let output = try task.output(roles, header)
    return (roles, try session.encoder(header, changed: output.changed, dropped: output.dropped, appended: output.appended, marks: output.marks))
  }

  /// Opens the table, finds the roles of its columns, and answers row after row.
  public func stream<Task: StreamingTask>(_ task: Task) throws {
    let session = try open()
    guard let header = session.reader.header else { return try task.finishEmpty(session) }
    guard let (roles, encoder) = try start(task, header, session) else { return }
    // Made first: what is wrong with the columns is told before anything is written.
    let first = try task.worker(roles, header, encoder, session)
    try session.writeHeader(encoder)
    let (counts, workers) = try session.stream(header, threads: task.takesRowsInOrder ? 1 : nil) { k in
      k == 0 ? first : try task.worker(roles, header, encoder, session)
    }
    try session.finish(counts, written: task.complete(workers, roles, counts, session))
    try task.conclude(workers, roles, header, counts, session)
  }

  /// Opens the table, finds the roles of its columns, reads every row, and writes what the rows say.
  public func report<Task: ReportingTask>(_ task: Task) throws {
    if options.drop != nil { throw Failure(.usage, "--drop has no effect: no rows are written") }
    let session = try open()
    guard let header = session.reader.header else { return try task.finishEmpty(session) }
    guard let roles = try roles(task, header, session) else { return }
    // No row is written, so none loses a member.
    session.reader.setLateKeys(.passed(except: []))
    let (counts, workers) = try session.stream(header, writesRows: false, threads: task.takesRowsInOrder ? 1 : nil) { _ in
      try task.worker(roles, header, session)
    }
    let findings = try task.findings(workers, roles, header, counts, session)
    try session.finish(counts, written: task.write(findings, counts, session))
    try task.conclude(findings, session)
  }

  /// Where there are features, the whole table is read: only then is it known what they hold.
  private func explain<Task: LearningTask>(_ task: Task, _ header: Header, _ session: FilterSession) throws {
    let roles = try task.roles(header, session)
    let lines = try task.explanation(roles, header, session)
    let features = task.features(roles)
    try session.explain(
      features.isEmpty ? lines : lines + session.explanation(ofFeatures: features, try session.store(header, task.storage(roles))))
  }

  /// Opens the table, finds the roles of its columns, stores it, learns, saves what was learnt, and answers its rows.
  public func learn<Task: LearningTask>(_ task: Task) throws {
    try task.options.checkSaving(options)
    let session = try open()
    guard let header = session.reader.header else { return try task.finishEmpty(session) }
    if options.explain { return try explain(task, header, session) }
    guard let (roles, encoder) = try start(task, header, session) else { return }
    let table = try session.store(header, task.storage(roles))
    guard table.rows > 0 || task.takesNoRows else {
      try session.writeHeader(encoder)
      return try session.finish(table.counts)
    }
    session.warnOfOtherMembers(table.counts)
    let learnt = try task.learn(table, roles, session)
    if let save = task.options.save { try learnt.model(header).save(to: save) }
    if try learnt.report(table.counts, session) { return }
    try session.writeHeader(encoder)
    let workers = try learnt.workers(encoder, session.threads)
    try session.answer(table, workers)
    try session.finish(table.counts, written: learnt.written)
    try learnt.conclude(workers, session)
  }
}
