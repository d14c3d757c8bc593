import BenchmarkSupport
import CRocksDB
import Glibc

/// RocksDB: synced WAL with pipelined writes and recycled log files, LZ4, bloom filters, an LRU cache of blocks.
final class RocksEngine: Engine {
    // The library's handles may be used from any thread; these are set once.
    private nonisolated(unsafe) let database: OpaquePointer
    private nonisolated(unsafe) let options: OpaquePointer
    private nonisolated(unsafe) let durable: OpaquePointer
    private nonisolated(unsafe) let buffered: OpaquePointer
    private nonisolated(unsafe) let reading: OpaquePointer

    init(path: String) throws {
        guard let options = rocksdb_options_create(), let table = rocksdb_block_based_options_create(),
            let durable = rocksdb_writeoptions_create(), let buffered = rocksdb_writeoptions_create(),
            let reading = rocksdb_readoptions_create()
        else { throw BenchmarkFailure(description: "RocksDB has no memory") }
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_increase_parallelism(options, 2)
        rocksdb_options_set_write_buffer_size(options, 64 << 20)
        rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
        rocksdb_options_set_enable_pipelined_write(options, 1)
        rocksdb_options_set_recycle_log_file_num(options, 4)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
        rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru(Engines.cacheBytes))
        rocksdb_options_set_block_based_table_factory(options, table)
        rocksdb_writeoptions_set_sync(durable, 1)
        rocksdb_writeoptions_set_sync(buffered, 0)
        var failure: UnsafeMutablePointer<CChar>?
        guard let database = rocksdb_open(options, path, &failure) else { throw Self.error(failure) }
        self.database = database
        self.options = options
        self.durable = durable
        self.buffered = buffered
        self.reading = reading
    }

    func append(_ payload: [UInt8], session: Int, sequence: UInt64) throws {
        try write([LoadedEntry(session: session, sequence: sequence, payload: payload)], durable)
    }

    func load(_ entries: [LoadedEntry]) throws { try write(entries, buffered) }

    private func write(_ entries: [LoadedEntry], _ how: OpaquePointer) throws {
        let batch = rocksdb_writebatch_create()
        defer { rocksdb_writebatch_destroy(batch) }
        for entry in entries {
            put(entryKey(entry.session, entry.sequence), entry.payload, batch)
            put(sessionKey(entry.session), bigEndian(entry.sequence), batch)
        }
        var failure: UnsafeMutablePointer<CChar>?
        rocksdb_write(database, how, batch, &failure)
        if failure != nil { throw Self.error(failure) }
    }

    private func put(_ key: [UInt8], _ value: [UInt8], _ batch: OpaquePointer?) {
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                rocksdb_writebatch_put(
                    batch, key.bindMemory(to: CChar.self).baseAddress, key.count,
                    value.bindMemory(to: CChar.self).baseAddress, value.count)
            }
        }
    }

    func finishLoading() throws {
        let flush = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(flush) }
        var failure: UnsafeMutablePointer<CChar>?
        rocksdb_flush(database, flush, &failure)
        if failure != nil { throw Self.error(failure) }
        rocksdb_compact_range(database, nil, 0, nil, 0)
    }

    func last(_ count: Int, session: Int) throws -> [[UInt8]] {
        let iterator = rocksdb_create_iterator(database, reading)
        defer { rocksdb_iter_destroy(iterator) }
        let newest = entryKey(session, .max)
        let prefix = newest.prefix(9)
        newest.withUnsafeBytes {
            rocksdb_iter_seek_for_prev(iterator, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
        }
        var found: [[UInt8]] = []
        while found.count < count, rocksdb_iter_valid(iterator) != 0 {
            var length = 0
            guard let key = rocksdb_iter_key(iterator, &length),
                UnsafeRawBufferPointer(start: key, count: length).prefix(9).elementsEqual(prefix),
                let value = rocksdb_iter_value(iterator, &length)
            else { break }
            found.append([UInt8](UnsafeRawBufferPointer(start: value, count: length)))
            rocksdb_iter_prev(iterator)
        }
        var failure: UnsafeMutablePointer<CChar>?
        rocksdb_iter_get_error(iterator, &failure)
        if failure != nil { throw Self.error(failure) }
        return found
    }

    var tableBytes: UInt64? { nil }

    func close() throws {
        rocksdb_close(database)
        rocksdb_writeoptions_destroy(durable)
        rocksdb_writeoptions_destroy(buffered)
        rocksdb_readoptions_destroy(reading)
        rocksdb_options_destroy(options)
    }

    private static func error(_ text: UnsafeMutablePointer<CChar>?) -> BenchmarkFailure {
        defer { rocksdb_free(text) }
        return BenchmarkFailure(description: "RocksDB: \(text.map { String(cString: $0) } ?? "no reason given")")
    }
}
