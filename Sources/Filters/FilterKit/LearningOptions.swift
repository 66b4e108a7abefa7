import ArgumentParser
import Tables

/// The option every tool has that looks at targets.
public struct TargetOption: ParsableArguments, FlagGroup {
  @Option(
    name: [.customShort("y"), .long],
    help: ArgumentHelp(
      "The target's column (default: $QTARGET, else the first of y, observed, observation, oracle_value, target).", valueName: "name"))
  public var target: String?

  public init() {}
  public static let list = FlagList<TargetOption>([("--target", { $0.target != nil })])
}

/// Options of tools that hold the whole table to learn from it, or answer a stream with what they learnt before.
public struct LearningOptions: ParsableArguments, FlagGroup {
  @Flag(help: "Labelled rows teach and are not written: one fit, nothing is cross-fitted.")
  public var newOnly = false

  @Option(help: ArgumentHelp("Save what was learnt to this model file.", valueName: "file"), completion: .file())
  public var save: String?

  @Option(help: ArgumentHelp("Answer every row with this model file, as a stream.", valueName: "file"), completion: .file())
  public var load: String?

  @Option(
    help: ArgumentHelp(
      "Memory for the table's text; what exceeds it waits in an unnamed file in TMPDIR (default: 1G; with qfit --new-only 64M).", valueName: "size"))
  public var memory: String?

  public init() {}

  public func validate() throws {
    if let memory, LearningOptions.bytes(memory) == nil { throw ValidationError("--memory \(memory): write a size such as 500M or 2G") }
  }

  public static let list = FlagList<LearningOptions>([
    ("--new-only", { $0.newOnly }), ("--save", { $0.save != nil }), ("--load", { $0.load != nil }), ("--memory", { $0.memory != nil }),
  ])

  /// Why `--load` does not take a flag.
  public static func refusalOfLoading(_ tool: String) -> @Sendable (_ flag: String) -> Mode.Refusal {
    { ("\($0) is for learning, and --load learns nothing", "see \(tool) --help") }
  }

  /// Refuses early what could not be saved in the end, or would replace an input.
  public func checkSaving(_ table: TableOptions) throws {
    guard let save else { return }
    try table.checkWritten("--save", save)
    try ReplacedFile.checkWritable(save)
  }

  /// An empty input gives an empty output, unless something was to be learnt from it and saved.
  public func finishEmpty(_ session: FilterSession) throws {
    if save != nil { throw session.failure("the table is empty, so there is nothing to learn and save") }
    try session.finishEmpty()
  }

  /// `--memory` in bytes.
  public var memoryBytes: Int { memory.flatMap(LearningOptions.bytes) ?? 1 << 30 }

  /// Bytes of a size such as 500M; nil for text that is none.
  public static func bytes(_ text: String) -> Int? {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? text[...] : text.dropLast()), number >= 0 else { return nil }
    let (bytes, overflows) = number.multipliedReportingOverflow(by: unit ?? 1)
    return overflows ? nil : bytes
  }
}
