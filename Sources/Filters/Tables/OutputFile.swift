import Glibc
import Groundwork

/// Bytes on their way to a descriptor, every one of them checked.
public final class OutputFile {
  private let descriptor: Int32
  private let name: String
  private var endsInsideLine = false

  public init(descriptor: Int32 = STDOUT_FILENO, name: String = "stdout") {
    self.descriptor = descriptor
    self.name = name
  }

  /// A new file, or an old one emptied.
  public init(path: String) throws {
    name = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw Failure(.cannotCreate, "cannot create: " + systemMessage(), at: .init(input: path))
    }
  }

  /// Appends whole lines. Where the bytes before ended without a line end (the last record of an input without one),
  /// `lineEnd` comes first.
  public func write(lines: UnsafeBufferPointer<UInt8>, lineEnd: [UInt8] = [10]) throws {
    guard let last = lines.last else { return }
    if endsInsideLine { try lineEnd.withUnsafeBufferPointer { try write($0) } }
    try write(lines)
    endsInsideLine = last != 10
  }

  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write($0) }
  }

  public func write(_ bytes: UnsafeBufferPointer<UInt8>) throws {
    var offset = 0
    while offset < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      if count >= 0 {
        offset += count
      } else if errno == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Glibc.poll(&poll, 1, -1)
      } else if errno != EINTR {
        throw failure()
      }
    }
  }

  /// Closes the descriptor; some file systems tell of a full disk only now.
  public func close() throws {
    guard Glibc.close(descriptor) == 0 || errno == EBADF else { throw failure() }
  }

  private func failure() -> Failure {
    Failure(.inputOutput, "cannot write: " + systemMessage(), at: .init(input: name))
  }
}
