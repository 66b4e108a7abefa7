import Glibc

/// Bytes of whole pages that go back to the system with the last reference, large pages where the system has them: a fault for
/// every four kilobytes costs more than copying them.
public final class PageMemory {
  public let base: UnsafeMutablePointer<UInt8>
  public let capacity: Int

  /// nil where there is no memory.
  public init?(capacity: Int) {
    guard let start = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), start != MAP_FAILED else { return nil }
    PageMemory.adviseLargePages(start, capacity)
    base = start.assumingMemoryBound(to: UInt8.self)
    self.capacity = capacity
  }

  deinit { munmap(base, capacity) }

  /// Asks for large pages in a stretch of memory that is yet to be written; a wish only.
  public static func adviseLargePages(_ start: UnsafeMutableRawPointer, _ count: Int) {
    let page = Int(getpagesize())
    let first = (Int(bitPattern: start) + page - 1) / page * page
    let end = (Int(bitPattern: start) + count) / page * page
    if end > first { madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_HUGEPAGE) }
  }
}
