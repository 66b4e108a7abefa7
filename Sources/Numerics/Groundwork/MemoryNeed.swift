import Glibc

/// Says before it is tried that something needs more memory than there is.
public enum MemoryNeed {
  /// Bytes that this process can have: the machine's memory, or less where limits say so.
  public static var available: Double {
    var bytes = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    if let limit { bytes = min(bytes, Double(limit)) }
    return bytes
  }

  /// The least limit of the process's memory in bytes, nil where there is none.
  public static var limit: UInt? {
    [RLIMIT_AS, RLIMIT_DATA].compactMap { resource in
      var limit = rlimit()
      return getrlimit(numericCast(resource.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max ? UInt(limit.rlim_cur) : nil
    }.min()
  }

  /// Throws where `what` needs more than there is. `bytes` is an estimate from below.
  public static func check(_ bytes: Double, for what: String, remedy: String) throws {
    let available = available
    guard bytes > available else { return }
    throw Failure(.badData, "\(what) needs \(gigabytes(bytes)) of memory, and there are \(gigabytes(available))", remedy: remedy)
  }

  private static func gigabytes(_ bytes: Double) -> String {
    let tenths = (bytes / 1e8).rounded(.up)
    return tenths >= 100 ? "\(Int(tenths / 10)) GB" : "\(Int(tenths) / 10).\(Int(tenths) % 10) GB"
  }
}
