import Glibc
import Groundwork
import Tables

/// A file that is written whole or not at all.
public enum ReplacedFile {
  /// Refuses early, before any work, what could not be written in the end.
  public static func checkWritable(_ path: String) throws {
    let path = target(of: path)
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw Failure(.cannotCreate, "is a directory", at: .init(input: path))
    }
    if isSpecial(path) { return }
    guard access(folder, W_OK) == 0 else { throw creationFailure(path) }
  }

  /// A device or a pipe, such as /dev/null or what the shell makes of >(…): written to, never replaced by a file.
  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
  }

  private static func creationFailure(_ path: String) -> Failure {
    Failure(.cannotCreate, "cannot create: " + systemMessage(), at: .init(input: path))
  }

  /// Where a link is named, what it leads to: that is what is replaced.
  static func target(of path: String) -> String {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// What the file that is replaced is open to, or else what a new one is.
  private static func mode(of path: String) -> mode_t {
    var status = stat()
    if stat(path, &status) == 0 { return status.st_mode & 0o777 }
    let mask = umask(0)
    umask(mask)
    return 0o666 & ~mask
  }

  /// Writes under a temporary name in the same folder, syncs and renames: whoever reads `path` sees the old file or the new.
  public static func write(_ path: String, _ body: (OutputFile) throws -> Void) throws {
    let path = target(of: path)
    if isSpecial(path) {
      let file = try OutputFile(path: path)
      try body(file)
      return try file.close()
    }
    var template = Array((path + ".XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw creationFailure(path) }
    let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    do {
      fchmod(descriptor, mode(of: path))
      let file = OutputFile(descriptor: descriptor, name: path)
      try body(file)
      guard fsync(descriptor) == 0 || errno == EINVAL else { throw Failure(.inputOutput, "cannot write: " + systemMessage(), at: .init(input: path)) }
      try file.close()
      guard rename(temporary, path) == 0 else { throw creationFailure(path) }
    } catch {
      unlink(temporary)
      throw error
    }
  }
}
