import ArgumentParser
import CProcess
import Glibc
import Groundwork
import MethodKit
import Tables

/// A command of the family. `runFilter` gives each the same manners: messages, exit statuses, signals.
public protocol FilterTool: ParsableCommand {
  /// The methods that `--help methods` lists, and whose settings `--help METHOD` lists.
  static var methods: [MethodDescription] { get }
  /// Whether its output is a table that it makes itself, which may be one of Markdown.
  static var makesReports: Bool { get }
  /// Arguments without which it does not start.
  static var leastArguments: [String] { get }
  /// The ways in which it runs.
  static var modes: [Mode] { get }
  /// The one that the command line asks for. Throws where it asks for none.
  func mode() throws -> Mode
  /// Every flag but those of the parser's own, with those of its option groups.
  var flags: [GivenFlag] { get }
}

extension FilterTool {
  public static var methods: [MethodDescription] { [] }
  public static var leastArguments: [String] { [] }
  public static var makesReports: Bool { false }
}

/// The version all tools carry.
public let filterVersion = "0.1.0"

/// The command line without the tool's name. `CommandLine` is empty where /proc cannot be read.
public let processArguments = (1..<max(1, process_argument_count())).map { String(cString: process_argument($0)!) }

/// Parses the command line, runs the tool and exits with a status of `sysexits.h`.
public func runFilter<Tool: FilterTool>(_ type: Tool.Type) -> Never {
  // A closed pipe ends the tool quietly, even where the caller left the signal ignored.
  signal(SIGPIPE, SIG_DFL)
  // A file that grows too long is a failure to write, which is told.
  signal(SIGXFSZ, SIG_IGN)
  occupyStandardDescriptors()
  set_memory_end(strdup(_typeName(Tool.self, qualified: false).lowercased()), Failure.Status.unavailable.rawValue) { UnfinishedFiles.removeAll() }
  FormatName.offersMarkdown = Tool.makesReports
  do {
    // Scripts ask this often. The parser takes most of a start, the configuration holds help that is made from the registries, and describing a
    // type searches every conformance of the binary: none of them is touched here.
    if processArguments == ["--version"] {
      try OutputFile().write("\(_typeName(Tool.self, qualified: false).lowercased()) \(filterVersion)\n")
      exit(0)
    }
    if let topic = helpTopic(processArguments) {
      try OutputFile().write(helpText(on: topic, of: Tool.self))
      exit(0)
    }
    var tool = try Tool.parse(processArguments)
    try tool.mode().check(tool.flags)
    try tool.run()
    UnfinishedFiles.removeAll()
    exit(0)
  } catch let failure as Failure {
    UnfinishedFiles.removeAll()
    Diagnostics(tool: Tool._commandName).say("\(failure)")
    exit(failure.status.rawValue)
  } catch {
    endParsing(Tool.self, error)
  }
}

/// Puts something in the place of standard descriptors that are closed, or a file opened later would be taken for one of them. Reading and writing
/// them fails as it does on closed ones.
private func occupyStandardDescriptors() {
  for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
    // The lowest descriptor that is free is taken, which is this one. A root folder is there even where no device is.
    if open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0 { _ = open("/", O_RDONLY) }
  }
}

/// `--help TOPIC`: `modes` tells which flags go together, `methods` lists the methods, and any of these tells its settings.
private func helpText<Tool: FilterTool>(on topic: String, of type: Tool.Type) throws -> String {
  if topic == "modes" { return helpText(of: Tool.modes, try Tool.parse(Tool.leastArguments).flags) }
  if topic == "methods" { return helpText(of: Tool.methods) }
  guard let method = Tool.methods.first(where: { $0.name == topic }) else {
    throw Failure(.usage, "--help \(topic): unknown method", remedy: suggestion(for: topic, among: Tool.methods.map(\.name)))
  }
  return helpText(of: method)
}

private func helpTopic(_ arguments: [String]) -> String? {
  guard arguments.count == 2, arguments[0] == "--help" || arguments[0] == "-h", !arguments[1].hasPrefix("-") else { return nil }
  return arguments[1]
}

/// `--help` and `--version` print and succeed; anything else is one line on stderr and status 64.
private func endParsing<Tool: FilterTool>(_ type: Tool.Type, _ error: any Error) -> Never {
  if Tool.exitCode(for: error) == .success {
    do {
      try OutputFile().write(Tool.fullMessage(for: error) + "\n")
      exit(0)
    } catch {
      Diagnostics(tool: Tool._commandName).say("\(error)")
      exit(Failure.Status.inputOutput.rawValue)
    }
  }
  let message = Tool.message(for: error).split(separator: "\n").joined(separator: " ")
  var text = message.prefix(1).lowercased() + message.dropFirst()
  if text.hasSuffix(".") { text.removeLast() }
  Diagnostics(tool: Tool._commandName).say(text + "; see \(Tool._commandName) --help")
  exit(Failure.Status.usage.rawValue)
}
