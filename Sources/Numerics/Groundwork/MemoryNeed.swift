import Glibc

/// Says before it is tried that something needs more memory than there is.
public enum MemoryNeed {
  /// Bytes that this process can have: the machine's memory, or less where limits say so.
  public static var available: Double {
    var bytes = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    for resource in [RLIMIT_AS, RLIMIT_DATA] {
      var limit = rlimit()
      if getrlimit(__rlimit_resource_t(UInt32(resource.rawValue)), &limit) == 0, limit.rlim_cur != rlim_t.max { bytes = min(bytes, Double(limit.rlim_cur)) }
    }
    return bytes
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
