import Groundwork

/// Memory handed out piece by piece, which never moves and goes all at once.
public final class Arena {
  private static let firstSlab = 1 << 22
  private static let largestSlab = 1 << 26
  private var slabs: [PageMemory] = []
  private var used = 0
  private var bytesBefore = 0

  public init() {}

  /// Bytes that were handed out, and those lost between stretches of memory.
  public var bytes: Int { bytesBefore + used }

  /// Room for `count` bytes at a multiple of 8.
  @inline(__always)
  public func allocate(_ count: Int) throws -> UnsafeMutablePointer<UInt8> {
    let rounded = (count + 7) & ~7
    if let slab = slabs.last, used + rounded <= slab.capacity {
      defer { used += rounded }
      return slab.base + used
    }
    return try addSlab(rounded)
  }

  private func addSlab(_ count: Int) throws -> UnsafeMutablePointer<UInt8> {
    // Larger ones as there is more to hold: the system gives large pages within them.
    let size = min(Arena.largestSlab, max(Arena.firstSlab, bytes))
    guard let slab = PageMemory(capacity: max(size, count)) else {
      throw Failure(.unavailable, "there is no memory for the table", remedy: "lower --memory")
    }
    bytesBefore += slabs.last?.capacity ?? 0
    slabs.append(slab)
    used = count
    return slab.base
  }

  /// Takes everything back; the first stretch of memory is kept for what comes.
  public func removeAll() {
    slabs.removeLast(max(0, slabs.count - 1))
    bytesBefore = 0
    used = 0
  }
}
