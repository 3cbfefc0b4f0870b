using System.Globalization;

namespace Heed.Checkpoints;

/// <summary>Sizes as people and transformers write them: <c>500MB</c>, <c>2GB</c>, <c>512MiB</c>.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, long Bytes)[] Units =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ];

    /// <summary>Parses a size; KB, MB, GB and TB are decimal, KiB, MiB, GiB and TiB binary; case does not matter; without a unit it is in bytes.</summary>
    /// <returns>Bytes, at least 1.</returns>
    /// <exception cref="UsageException">The text is not a positive size.</exception>
    public static long Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string upper = text.Trim().ToUpperInvariant();
        (string unit, long bytes) = Units.FirstOrDefault(u => upper.EndsWith(u.Unit, StringComparison.Ordinal), ("", 1));
        string number = upper[..^unit.Length].TrimEnd();
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value) || value <= 0 || value > 1_000_000_000_000_000m || value * bytes is < 1 or > long.MaxValue)
            throw new UsageException($"'{text}' is not a size; write a positive number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 2GB.");
        return (long)(value * bytes);
    }
}
