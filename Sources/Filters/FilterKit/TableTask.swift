import Groundwork
import MethodKit
import Tables

/// Which columns of a tool's output differ from its input's.
public struct OutputColumns {
  public var changed: [Int]
  public var dropped: Set<Int>
  public var appended: [String]
  /// Of appended columns that hold labels, the letter that stands before their whole numbers.
  public var marks: [String: UInt8]

  public init(changed: [Int] = [], dropped: Set<Int> = [], appended: [String] = [], marks: [String: UInt8] = [:]) {
    self.changed = changed
    self.dropped = dropped
    self.appended = appended
    self.marks = marks
  }
}

/// What a tool says of its own in a run over one table: which columns it uses, what it writes, and what it tells afterwards.
public protocol TableTask {
  /// Which column does what.
  associatedtype Roles

  /// Finds the columns. Throws where one is missing or has two roles.
  func roles(_ header: Header, _ session: FilterSession) throws -> Roles
  /// What `--explain` shows.
  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> [(String, String)]
  /// Called before rows are read: remarks about the columns, and what needs no rows. False ends the run there.
  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> Bool
  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns
  /// Ends a run whose input has not even a header.
  func finishEmpty(_ session: FilterSession) throws
}

extension TableTask {
  public func finishEmpty(_ session: FilterSession) throws { try session.finishEmpty() }
}

/// A task whose rows are answered as they come.
public protocol StreamingTask: TableTask {
  associatedtype Worker: RowWorker

  /// One is made for each thread.
  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> Worker
  /// Where an answer depends on the rows before it, or on rows beside it, one worker takes all rows in order.
  var takesRowsInOrder: Bool { get }
  /// Called when all rows are through: writes what comes after them, and returns how many rows were written; nil is all that were read and not
  /// skipped. Throws where the table ends too early.
  func complete(_ workers: [Worker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) throws -> Int?
  /// Called when the output has reached its end: what is kept of the run, and what is told of it.
  func conclude(_ workers: [Worker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws
}

extension StreamingTask {
  public var takesRowsInOrder: Bool { false }
  public func complete(_ workers: [Worker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) throws -> Int? { nil }
  public func conclude(_ workers: [Worker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws {}
}

/// A task that reads every row and answers with a table of its own.
public protocol ReportingTask: TableTask {
  associatedtype Worker: RowWorker
  /// What the rows say.
  associatedtype Findings

  /// One is made for each thread.
  func worker(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> Worker
  /// Where rows are told by those before them, one worker takes all rows in order.
  var takesRowsInOrder: Bool { get }
  func findings(_ workers: [Worker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws -> Findings
  /// Returns how many rows were written.
  func write(_ findings: Findings, _ counts: RowCounts, _ session: FilterSession) throws -> Int
  /// Called when the output has reached its end: what is told of the run.
  func conclude(_ findings: Findings, _ session: FilterSession) throws
}

extension ReportingTask {
  public var takesRowsInOrder: Bool { false }
  public func output(_ roles: Roles, _ header: Header) -> OutputColumns { OutputColumns() }
}

/// A task that learns from the whole table before it answers rows.
public protocol LearningTask: TableTask {
  associatedtype Learnt: LearntAnswers

  var options: LearningOptions { get }
  /// What is kept of the table: the columns read as numbers or categories, and the memory for its text.
  func storage(_ roles: Roles) -> TableStorage
  /// Columns of which `--explain` tells what they hold, which only the whole table says.
  func features(_ roles: Roles) -> [Int]
  /// Whether a table without rows is learnt from too, as what is wanted is no answers.
  var takesNoRows: Bool { get }
  func learn(_ table: StoredTable, _ roles: Roles, _ session: FilterSession) throws -> Learnt
}

extension LearningTask {
  public func features(_ roles: Roles) -> [Int] { [] }
  public var takesNoRows: Bool { options.save != nil }
  public func finishEmpty(_ session: FilterSession) throws { try options.finishEmpty(session) }
}

/// How a learning run keeps its table.
public struct TableStorage {
  public var roles: [(column: Int, role: StoredTable.Role)]
  public var packing: StoredTable.Packing?
  public var memory: Int

  public init(roles: [(column: Int, role: StoredTable.Role)], packing: StoredTable.Packing? = nil, memory: Int) {
    self.roles = roles
    self.packing = packing
    self.memory = memory
  }
}

/// What was learnt from a table, and answers its rows.
public protocol LearntAnswers {
  associatedtype Worker: RowWorker

  /// What `--save` keeps.
  func model(_ header: Header) throws -> ModelFile
  /// Writes what is wanted in place of answers. False where answers are.
  func report(_ counts: RowCounts, _ session: FilterSession) throws -> Bool
  /// One for each of `count` threads.
  func workers(_ encoder: RowEncoder, _ count: Int) throws -> [Worker]
  /// Rows written; nil is all.
  var written: Int? { get }
  /// Called when the output has reached its end: what is told of the run.
  func conclude(_ workers: [Worker], _ session: FilterSession) throws
}

extension LearntAnswers {
  public func report(_ counts: RowCounts, _ session: FilterSession) throws -> Bool { false }
  public var written: Int? { nil }
  public func conclude(_ workers: [Worker], _ session: FilterSession) throws {}
}
