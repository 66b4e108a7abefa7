import Glibc
import Groundwork
import Tables

/// A file that is written whole or not at all: whoever reads it sees the old file until `commit`, and the new one from then on.
///
/// It is written under a temporary name in the same folder, which is gone however the run ends, unless it is killed outright. A device, a
/// pipe and a descriptor of this process, such as /dev/stdout, are written in place.
public final class ReplacedFile {
  public let output: OutputFile
  private let path: String
  private let name: String
  /// nil where the file is written in place.
  private var temporary: (path: String, descriptor: Int32, number: UnfinishedFiles.Number)?

  /// Opens it. Throws where it cannot be made.
  public init(_ name: String) throws {
    self.name = name
    if let descriptor = ReplacedFile.ownDescriptor(name) {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw ReplacedFile.creationFailure(name) }
      (path, output) = (name, OutputFile(descriptor: copy, name: name))
      return
    }
    path = try ReplacedFile.target(of: name)
    if ReplacedFile.isDirectory(path) { throw Failure(.cannotCreate, "is a directory", at: .init(input: name)) }
    if ReplacedFile.isSpecial(path) {
      output = try OutputFile(path: path)
      return
    }
    let temporary = try ReplacedFile.makeTemporary(beside: path, name)
    fchmod(temporary.descriptor, ReplacedFile.mode(of: path))
    self.temporary = temporary
    output = OutputFile(descriptor: temporary.descriptor, name: name)
  }

  deinit { abandon() }

  /// Makes what was written the file. Throws where it cannot be written, and the old file stays.
  public func commit() throws {
    guard let temporary else { return try output.close() }
    guard fsync(temporary.descriptor) == 0 || errno == EINVAL else {
      throw Failure(.inputOutput, "cannot write: " + systemMessage(), at: .init(input: name))
    }
    try output.close()
    guard rename(temporary.path, path) == 0 else { throw ReplacedFile.creationFailure(name) }
    UnfinishedFiles.remove(temporary.number)
    self.temporary = nil
  }

  /// Leaves the old file.
  private func abandon() {
    guard let temporary else { return }
    unlink(temporary.path)
    UnfinishedFiles.remove(temporary.number)
    self.temporary = nil
  }

  /// Writes the file with what `body` writes.
  public static func write(_ path: String, _ body: (OutputFile) throws -> Void) throws {
    let file = try ReplacedFile(path)
    do {
      try body(file.output)
      try file.commit()
    } catch {
      file.abandon()
      throw error
    }
  }

  /// Refuses early, before any work, what could not be written in the end.
  public static func checkWritable(_ name: String) throws {
    if ownDescriptor(name) != nil { return }
    let path = try target(of: name)
    if isDirectory(path) { throw Failure(.cannotCreate, "is a directory", at: .init(input: name)) }
    if isSpecial(path) { return }
    guard access(parts(of: path).folder, W_OK) == 0 else { throw creationFailure(name) }
  }

  // MARK: What a path names

  /// Folder and name in it.
  static func parts(of path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  /// Where a link is named, what it leads to, whether that is there or not: that is what is replaced. Throws where links lead round in a circle.
  static func target(of path: String) throws -> String {
    var target = path
    for _ in 0..<40 {
      var status = stat()
      guard lstat(target, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return target }
      if let resolved = realpath(target, nil) {
        defer { free(resolved) }
        return String(cString: resolved)
      }
      var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = bytes.withUnsafeMutableBytes { readlink(target, $0.baseAddress!, $0.count) }
      guard count > 0 else { throw creationFailure(path) }
      let link = String(decoding: bytes[..<count], as: UTF8.self)
      target = link.hasPrefix("/") || !target.contains("/") ? link : parts(of: target).folder + "/" + link
    }
    errno = ELOOP
    throw creationFailure(path)
  }

  /// The descriptor that a path names which stands for one of this process.
  private static func ownDescriptor(_ path: String) -> Int32? {
    switch path {
    case "/dev/stdin": return STDIN_FILENO
    case "/dev/stdout": return STDOUT_FILENO
    case "/dev/stderr": return STDERR_FILENO
    default:
      let prefix = ["/dev/fd/", "/proc/self/fd/"].first { path.hasPrefix($0) }
      return prefix.flatMap { Int32(path.dropFirst($0.count)) }
    }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// A device or a pipe, such as /dev/null or what the shell makes of >(…): written to, never replaced by a file.
  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
  }

  private static func creationFailure(_ path: String) -> Failure {
    Failure(.cannotCreate, "cannot create: " + systemMessage(), at: .init(input: path))
  }

  /// What the file that is replaced is open to, or else what a new one is.
  private static func mode(of path: String) -> mode_t {
    var status = stat()
    if stat(path, &status) == 0 { return status.st_mode & 0o777 }
    let mask = umask(0)
    umask(mask)
    return 0o666 & ~mask
  }

  /// Told to be taken away before it is there, so that no signal comes between.
  private static func makeTemporary(beside path: String, _ name: String) throws -> (path: String, descriptor: Int32, number: UnfinishedFiles.Number) {
    var random = SystemRandomNumberGenerator()
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    while true {
      let temporary = path + "." + String((0..<6).map { _ in letters.randomElement(using: &random)! })
      if access(temporary, F_OK) == 0 { continue }
      let number = UnfinishedFiles.add(temporary)
      let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 { return (temporary, descriptor, number) }
      let isThere = errno == EEXIST
      let failure = creationFailure(name)
      UnfinishedFiles.remove(number)
      if !isThere { throw failure }
    }
  }
}
