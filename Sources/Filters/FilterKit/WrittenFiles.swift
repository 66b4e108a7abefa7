import Glibc
import Groundwork

/// The files that the options of a run write beside its output: each is another file than the inputs, the output and the others, or one would
/// destroy what is still to be read or kept.
struct WrittenFiles {
  /// A file by what it is, not by how its path is spelt.
  private enum Identity: Equatable {
    case file(device: UInt, inode: UInt)
    /// One that is not there yet.
    case name(String, device: UInt, inode: UInt)

    /// nil for what is no regular file: a device or a pipe may stand in several places.
    init?(_ status: stat) {
      guard status.st_mode & S_IFMT == S_IFREG else { return nil }
      self = .file(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }

    /// Also nil where neither the file nor its folder is there.
    init?(path: String) {
      var status = stat()
      if stat(path, &status) == 0 {
        self.init(status)
      } else {
        guard let target = try? ReplacedFile.target(of: path) else { return nil }
        let (folder, name) = ReplacedFile.parts(of: target)
        guard stat(folder, &status) == 0 else { return nil }
        self = .name(name, device: UInt(status.st_dev), inode: UInt(status.st_ino))
      }
    }

    init?(descriptor: Int32) {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { return nil }
      self.init(status)
    }
  }

  private let inputs: [Identity]
  private let output = Identity(descriptor: STDOUT_FILENO)
  private var others: [(flag: String, path: String)] = []

  /// `others` are read beside the table. Throws where the files that every tool writes are not apart.
  init(_ table: TableOptions, reading others: [String] = []) throws {
    inputs = ((table.files.isEmpty ? ["-"] : table.files) + others).compactMap { $0 == "-" ? Identity(descriptor: STDIN_FILENO) : Identity(path: $0) }
    var status = stat()
    // Where the shell emptied it there is nothing left to read.
    if let output, inputs.contains(output), fstat(STDOUT_FILENO, &status) == 0, status.st_size > 0 {
      throw Failure(.usage, "the output is an input too, which would never end", remedy: "write to another file")
    }
    for (flag, path) in [("--rejects", table.rejects), ("--stats", table.stats)] { if let path { try add(flag, path) } }
  }

  /// Throws a usage `Failure` where the file that `flag` names is read, or is written by an option before.
  mutating func add(_ flag: String, _ path: String) throws {
    if path == "-" { throw Failure(.usage, "\(flag) -: stdout is for the table", remedy: "name a file") }
    let identity = Identity(path: path)
    if let identity, identity == output { throw Failure(.usage, "\(flag) \(path) is the output too", remedy: "name another file") }
    if let identity, inputs.contains(identity) {
      throw Failure(.usage, "\(flag) \(path) is an input too, which it would overwrite", remedy: "name another file")
    }
    // A device takes what several options write.
    if let identity, let other = others.first(where: { Identity(path: $0.path) == identity }) {
      throw Failure(.usage, "\(other.flag) and \(flag) both write \(path)", remedy: "name two files")
    }
    others.append((flag, path))
  }
}
