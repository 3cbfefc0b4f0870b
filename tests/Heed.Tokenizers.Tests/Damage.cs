using System.Diagnostics;

namespace Heed.Tokenizers.Tests;

/// <summary>Damages a file many times and watches how it is read: only declared errors that name the file, quickly, within little
/// memory.</summary>
internal static class Damage
{
    /// <summary>Mutations of each reader in the ordinary run.</summary>
    public const int Mutations = 10_000;

    /// <summary>Mutations of each reader with --long.</summary>
    public const int ManyMutations = 100_000;

    /// <summary>Bytes that one read may allocate in all, beside the file's size: a bound on what it holds at any time.</summary>
    private const long MostBytes = 64 << 20;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    private static readonly byte[][] Values = [.. ((string[])
        ["null", "true", "false", "0", "-1", "1e999", "4294967295", "2147483648", "99999999999999999999", "0.5", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[]]", "{\"a\":1,\"a\":2}", "[null]", "NaN",
            new string('[', 300), "\"Sequence\"", "\"BPE\"", "\"(?:a|b\"", "\"[[:x:]]\"", "\"AAAA\""]).Select(System.Text.Encoding.UTF8.GetBytes)];

    /// <summary>Reads damaged copies of <paramref name="whole"/>.</summary>
    /// <param name="whole">A file that can be read.</param>
    /// <param name="count">How many copies.</param>
    /// <param name="seed">Draws the damage.</param>
    /// <param name="name">What an error of <paramref name="read"/> must name.</param>
    /// <param name="read">Reads a copy; declared errors only.</param>
    /// <param name="use">Works with what was read; may fail by any declared error.</param>
    /// <returns>How many copies could be read.</returns>
    public static int Run<T>(byte[] whole, int count, int seed, string name, Func<byte[], T> read, Action<T> use)
    {
        _ = Attempt(whole, name, read, use);   // tables and code that the first read makes are no part of the measure
        Random random = new(seed);
        int loaded = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] damaged = Mutate(whole, random);
            (bool accepted, long bytes, TimeSpan time) = Attempt(damaged, name, read, use);
            // Another process may have held this one up: only what is slow twice is slow.
            if (time > Longest) (accepted, bytes, time) = Attempt(damaged, name, read, use);
            Assert.True(time <= Longest, $"mutation {i} of seed {seed} took {time}");
            Assert.True(bytes <= damaged.Length + MostBytes, $"mutation {i} of seed {seed} allocated {bytes} bytes for a file of {damaged.Length}");
            if (accepted) loaded++;
        }

        Assert.InRange(loaded, 1, count - 1);
        return loaded;
    }

    private static (bool Accepted, long Bytes, TimeSpan Time) Attempt<T>(byte[] bytes, string name, Func<byte[], T> read, Action<T> use)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        bool accepted = false;
        try
        {
            T made = read(bytes);
            accepted = true;
            use(made);
        }
        catch (HeedException e)
        {
            // Declared: InputException and its kin, BudgetException. What cannot be read is named.
            if (!accepted) Assert.Contains(name, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', e.Message);
        }

        return (accepted, GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Changes bytes, cuts, moves and repeats stretches, and puts other values where a value stands.</summary>
    private static byte[] Mutate(byte[] whole, Random random)
    {
        List<byte> bytes = [.. whole];
        for (int changes = 1 + random.Next(3); changes > 0 && bytes.Count > 1; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] = (byte)"0123456789{}[]\",:-.eE\\ tfn\n"[random.Next(27)]; break;
                case 2: bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + random.Next(12))); break;
                case 3: bytes.InsertRange(at, [.. bytes.Skip(random.Next(bytes.Count)).Take(1 + random.Next(20))]); break;
                case 4 or 5: ReplaceValue(bytes, at, Values[random.Next(Values.Length)]); break;
                default: if (random.Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at); else bytes[at] ^= (byte)(1 << random.Next(8)); break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Replaces what stands between the next separator and the one after.</summary>
    private static void ReplaceValue(List<byte> bytes, int at, byte[] value)
    {
        int from = bytes.FindIndex(at, b => ":,[ \n"u8.Contains(b)) + 1;
        if (from == 0) return;
        int to = bytes.FindIndex(from, b => ",]} \n"u8.Contains(b));
        if (to < 0) to = bytes.Count;
        bytes.RemoveRange(from, to - from);
        bytes.InsertRange(from, value);
    }
}
