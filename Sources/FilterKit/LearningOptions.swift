import ArgumentParser
import Groundwork

/// Options of tools that hold the whole table to learn from it.
public struct LearningOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Memory for the table's text; what exceeds it waits in an unnamed file in TMPDIR (default: 1G).", valueName: "size"))
  public var memory: String?

  public init() {}

  public func validate() throws {
    if let memory, LearningOptions.bytes(memory) == nil { throw ValidationError("--memory \(memory): write a size such as 500M or 2G") }
  }

  /// `--memory` in bytes.
  public var memoryBytes: Int { memory.flatMap(LearningOptions.bytes) ?? 1 << 30 }

  private static func bytes(_ text: String) -> Int? {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? text[...] : text.dropLast()), number >= 0 else { return nil }
    let (bytes, overflows) = number.multipliedReportingOverflow(by: unit ?? 1)
    return overflows ? nil : bytes
  }
}
