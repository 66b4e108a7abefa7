import Groundwork

/// A flag, and whether the command line gives it.
public struct GivenFlag: Sendable {
  /// Its long name with the dashes.
  public let name: String
  public let isGiven: Bool

  public init(_ name: String, _ isGiven: Bool) {
    self.name = name
    self.isGiven = isGiven
  }
}

/// The flags of a command or of a group of options, each with what tells that it is given.
public struct FlagList<Options>: Sendable {
  private let entries: [(name: String, isGiven: @Sendable (Options) -> Bool)]

  public init(_ entries: [(name: String, isGiven: @Sendable (Options) -> Bool)]) { self.entries = entries }

  public var names: Set<String> { Set(entries.map(\.name)) }

  public func of(_ options: Options) -> [GivenFlag] { entries.map { GivenFlag($0.name, $0.isGiven(options)) } }
}

/// A group of options that says which of them are given.
public protocol FlagGroup {
  static var list: FlagList<Self> { get }
}

extension FlagGroup {
  public var flags: [GivenFlag] { Self.list.of(self) }
}

/// A way in which a tool runs, such as learning, or answering with a model file: which flags it takes, and why not the others.
///
/// `runFilter` refuses every given flag that the mode does not take, before the run begins. `--help modes` lists them all.
public struct Mode: Sendable {
  public typealias Refusal = (cause: String, remedy: String?)

  public let name: String
  /// Arguments that choose it, as `--help modes` shows them: "--load FILE".
  public let arguments: String
  public let summary: String
  /// The long names of the flags it takes, with the dashes.
  public let takes: Set<String>
  private let refusal: @Sendable (_ flag: String) -> Refusal

  /// - Parameter refusal: why the mode does not take a flag, and what to do instead.
  public init(
    _ name: String, _ arguments: String, _ summary: String, takes: Set<String>,
    refusal: @escaping @Sendable (_ flag: String) -> Refusal = Mode.hasNoEffect
  ) {
    self.name = name
    self.arguments = arguments
    self.summary = summary
    self.takes = takes
    self.refusal = refusal
  }

  /// What is said of a flag where there is no better reason.
  public static let hasNoEffect: @Sendable (_ flag: String) -> Refusal = { ("\($0) has no effect", nil) }

  /// Throws a usage `Failure` for the first given flag that the mode does not take.
  public func check(_ flags: [GivenFlag]) throws {
    guard let flag = flags.first(where: { $0.isGiven && !takes.contains($0.name) }) else { return }
    let (cause, remedy) = refusal(flag.name)
    throw Failure(.usage, cause, remedy: remedy)
  }
}

/// `--help modes`: a line a mode with the arguments that choose it, then a line a flag with the modes that take it.
package func helpText(of modes: [Mode], _ flags: [GivenFlag]) -> String {
  let lines = modes.map { [$0.name, $0.arguments.isEmpty ? "(no flag)" : $0.arguments, $0.summary] }
  return "MODES:\n" + alignedLines(lines) + "\nFLAGS, AND THE MODES THAT TAKE THEM:\n"
    + alignedLines(flags.map { [$0.name, takers(of: $0.name, among: modes)] })
}

/// In the fewest words, which modes take a flag.
private func takers(of flag: String, among modes: [Mode]) -> String {
  let (takers, others) = (modes.filter { $0.takes.contains(flag) }.map(\.name), modes.filter { !$0.takes.contains(flag) }.map(\.name))
  if others.isEmpty { return "every mode" }
  if takers.isEmpty { return "no mode" }
  return others.count < takers.count ? "all but " + others.joined(separator: ", ") : takers.joined(separator: ", ")
}
