import COpenBLAS
import Glibc
import Groundwork

/// OpenBLAS runs on the calling thread only: parallelism lies above it, so that bytes never depend on `--threads`.
/// Call before the first BLAS call of a process; calls after the first cost nothing.
public func useSingleThreadedBLAS() { singleThreaded }

/// Set once: setting it anew while fits run would race with them.
private let singleThreaded: Void = {
  openblas_set_num_threads(1)
  openblas_end_threads()
}()

/// Sees to it that each of `threads` threads can call BLAS where the process may not take as much memory as it likes.
///
/// BLAS maps a buffer of 128 MB, of which it uses a small part, for each thread that calls it, and tries for ever where it cannot. Throws where
/// that would happen. Does nothing where memory has no limit.
public func reserveBLASMemory(threads: Int) throws {
  var limit = rlimit()
  let limits = [RLIMIT_AS, RLIMIT_DATA].compactMap { resource in
    getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max ? limit.rlim_cur : nil
  }
  guard let least = limits.min() else { return }
  let bytes = threads * 128 << 20
  guard let buffers = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buffers != MAP_FAILED else {
    throw Failure(
      .unavailable,
      "the limit of memory, \(least >> 20) MB, leaves no room for the \(bytes >> 20) MB that the algebra needs on \(counted(threads, "thread"))",
      remedy: threads > 1 ? "give fewer --threads, or raise ulimit -v" : "raise ulimit -v")
  }
  munmap(buffers, bytes)
  useSingleThreadedBLAS()
  // Taken all at once, and kept for the threads when they are given back.
  (0..<threads).map { _ in blas_memory_alloc(0) }.forEach { blas_memory_free($0) }
}
