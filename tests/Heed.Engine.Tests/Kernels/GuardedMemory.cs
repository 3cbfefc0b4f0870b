using System.Runtime.InteropServices;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Operands whose last byte is the last before a page that nobody may touch, or whose first byte is the first behind one. Linux
/// only.</summary>
/// <remarks>A touch of the guard pages, or a write into what is only to be read, ends the process; <see cref="Check"/> finds writes into
/// the bytes between.</remarks>
internal sealed unsafe partial class GuardedMemory(bool atEnd) : IDisposable
{
    private const byte Canary = 0xA5;
    private const int None = 0, Readable = 1, Writable = 2, PrivateAnonymous = 0x22;
    private static readonly nint PageSize = Environment.SystemPageSize;

    private readonly List<Region> _regions = [];

    /// <summary>Values that a kernel may read only.</summary>
    public ReadOnlySpan<T> Read<T>(scoped ReadOnlySpan<T> values) where T : unmanaged => Place(values, writes: false);

    /// <summary>Values that a kernel may read and write.</summary>
    public Span<T> Write<T>(scoped ReadOnlySpan<T> values) where T : unmanaged => Place(values, writes: true);

    /// <summary>Room for a result, full of NaN.</summary>
    public Span<float> Result(int count)
    {
        float[] values = new float[count];
        values.AsSpan().Fill(float.NaN);
        return Write<float>(values);
    }

    /// <summary>Fails where a byte beside an operand was changed.</summary>
    public void Check()
    {
        foreach (Region region in _regions)
        {
            ReadOnlySpan<byte> before = new((void*)region.Pages, (int)(region.Data - region.Pages)), after = new((void*)(region.Data + region.Bytes), (int)(region.Pages + region.PageBytes - region.Data - region.Bytes));
            Assert.Equal(-1, before.IndexOfAnyExcept(Canary));
            Assert.Equal(-1, after.IndexOfAnyExcept(Canary));
        }
    }

    public void Dispose()
    {
        foreach (Region region in _regions) Assert.Equal(0, Unmap(region.Pages - PageSize, (nuint)(region.PageBytes + (2 * PageSize))));
        _regions.Clear();
    }

    private Span<T> Place<T>(scoped ReadOnlySpan<T> values, bool writes) where T : unmanaged
    {
        nint bytes = (nint)values.Length * sizeof(T), pageBytes = Math.Max(1, (bytes + PageSize - 1) / PageSize) * PageSize;
        nint all = Map(0, (nuint)(pageBytes + (2 * PageSize)), None, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, all);
        nint pages = all + PageSize, data = atEnd ? pages + pageBytes - bytes : pages;
        Assert.Equal(0, Protect(pages, (nuint)pageBytes, Readable | Writable));
        new Span<byte>((void*)pages, (int)pageBytes).Fill(Canary);
        Span<T> placed = new((void*)data, values.Length);
        values.CopyTo(placed);
        if (!writes) Assert.Equal(0, Protect(pages, (nuint)pageBytes, Readable));
        _regions.Add(new Region(pages, pageBytes, data, bytes));
        return placed;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);

    private readonly record struct Region(nint Pages, nint PageBytes, nint Data, nint Bytes);
}
