import Foundation

/// Runs bash commands with the built tools first in PATH, each in a scratch folder of its own.
struct Shell {
  struct Result: Equatable {
    var output: [UInt8]
    var error: String
    var status: Int32
    var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// Where the tools and this test were built.
  static let binaries = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
  /// The top of the checkout.
  static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("filter-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Output, messages and status of a bash script. `pipefail` is off, as it is in a user's shell.
  func run(_ script: String) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = Shell.binaries.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
    environment["CHECKOUT"] = Shell.checkout.path
    environment["LC_ALL"] = "C.UTF-8"
    environment["QTARGET"] = nil
    environment["QDECIMAL"] = nil
    environment["QORDER"] = nil
    environment["QKNOWN"] = nil
    process.environment = environment
    // Files, not pipes: no reader is needed while the script runs, however much it writes.
    let paths = ["stdout", "stderr"].map { folder.appendingPathComponent(".\($0)-\(UUID().uuidString)") }
    for path in paths { try Data().write(to: path) }
    let handles = try paths.map { try FileHandle(forWritingTo: $0) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = handles[0]
    process.standardError = handles[1]
    try process.run()
    process.waitUntilExit()
    let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    defer { for path in paths { try? FileManager.default.removeItem(at: path) } }
    return Result(
      output: Array(try Data(contentsOf: paths[0])), error: String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self), status: status)
  }

  /// `run` in a scratch folder that is removed again.
  static func run(_ script: String) throws -> Result {
    let shell = try Shell()
    defer { shell.remove() }
    return try shell.run(script)
  }

  /// What a script prints that has nothing to print unless something is wrong: its output, then its messages where it is to have none,
  /// and a line more where it breaks off before its end.
  static func complaints(_ script: String, messages: Bool = true) throws -> String {
    let end = "that is all\n"
    let result = try run(script + "\nprintf '\(end.dropLast())\\n'")
    let text = result.text.hasSuffix(end) ? String(result.text.dropLast(end.count)) : result.text + "the script broke off\n"
    return text + (messages || text.hasSuffix("broke off\n") ? result.error : "")
  }

  /// The most memory, in megabytes, that a tool held while it read all that `input` writes. Its output goes to `output`, and
  /// `afterwards` says what is printed when it has ended.
  static func memory(of tool: String, reading input: String, preparation: String = "", output: String = "/dev/null", afterwards: String = "") throws
    -> (megabytes: Int, result: Result)
  {
    let result = try run(
      """
      \(preparation)
      { \(input)
        touch sent
        until [ -e seen ]; do sleep 0.05; done; } | \(tool) > \(output) &
      pid=$!
      until [ -e sent ]; do sleep 0.05; done
      sleep 0.3
      awk '/VmHWM/ { print int($2 / 1024) }' /proc/$pid/status
      touch seen
      wait
      \(afterwards)
      """)
    let lines = result.text.split(separator: "\n", maxSplits: 1)
    let rest = lines.count > 1 ? Array(lines[1].utf8) : []
    return (lines.first.flatMap { Int($0) } ?? .max, Result(output: rest, error: result.error, status: result.status))
  }
}
