using System.Buffers.Binary;
using System.Text;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

public class TensorBoardFileTests
{
    [Fact]
    public void Records_have_valid_sums_and_say_what_the_log_says()
    {
        using TemporaryFolder folder = new();
        using (RunLog log = new(folder.Path, 0, new Clock()))
        {
            log.Stepped(new StepReport(1, 5.5, 2.25, 1e-3, 10, 10, 0.1, null));
            log.Evaluated(new EvaluationReport(5.25, 100) { Step = 1, Measures = new Dictionary<string, double> { ["bits_per_byte"] = 2.125 } });
            log.Stepped(new StepReport(300, 4.5, 1.5, 5e-4, 10, 3000, 0.1, 0.5));
        }

        List<(long Step, string Tag, float Value)> scalars = [];
        List<byte[]> records = Records(Assert.Single(Directory.GetFiles(folder.File("tensorboard"))));
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(Field(records[0], 3)!));
        foreach (byte[] record in records[1..])
        {
            byte[] value = Field(Field(record, 5)!, 1)!;
            scalars.Add(((long)Varint(Field(record, 2)!), Encoding.UTF8.GetString(Field(value, 1)!), BitConverter.ToSingle(Field(value, 2)!)));
        }

        Assert.Equal(
            [(1L, "train/loss", 5.5f), (1L, "train/gradient_norm", 2.25f), (1L, "train/learning_rate", 1e-3f), (1L, "held_out/loss", 5.25f), (1L, "held_out/bits_per_byte", 2.125f),
             (300L, "train/loss", 4.5f), (300L, "train/gradient_norm", 1.5f), (300L, "train/learning_rate", 5e-4f)], scalars);
        Assert.Equal(3, File.ReadAllLines(folder.File("log.jsonl")).Length);
    }

    [Fact]
    public void A_run_that_goes_on_tells_readers_to_drop_what_came_after_its_checkpoint()
    {
        using TemporaryFolder folder = new();
        using (RunLog log = new(folder.Path, 0, new Clock()))
            for (int i = 1; i <= 3; i++) log.Stepped(new StepReport(i, 5, 1, 1e-3, 10, 10, 0.1, null));
        using (RunLog log = new(folder.Path, 2, new Clock())) log.Stepped(new StepReport(3, 4, 1, 1e-3, 10, 10, 0.1, null));
        byte[] restart = Assert.Single(Records(Assert.Single(Directory.GetFiles(folder.File("tensorboard")))), r => Field(r, 7) is not null);
        Assert.Equal(3UL, Varint(Field(restart, 2)!));
        Assert.Equal([8, 1], Field(restart, 7)!);
        Assert.Equal(3, File.ReadAllLines(folder.File("log.jsonl")).Length);
    }

    /// <summary>The records of a file: their lengths and contents checked by a CRC-32C that is computed bit by bit.</summary>
    private static List<byte[]> Records(string file)
    {
        ReadOnlySpan<byte> rest = File.ReadAllBytes(file);
        List<byte[]> records = [];
        while (!rest.IsEmpty)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(rest);
            Assert.Equal(Masked(rest[..8]), BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]));
            Assert.Equal(Masked(rest.Slice(12, length)), BinaryPrimitives.ReadUInt32LittleEndian(rest[(12 + length)..]));
            records.Add(rest.Slice(12, length).ToArray());
            rest = rest[(16 + length)..];
        }

        return records;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    /// <summary>The bytes of a field of a protocol-buffer message, or null.</summary>
    private static byte[]? Field(byte[] message, int wanted)
    {
        for (int at = 0; at < message.Length;)
        {
            (int number, int kind) = (message[at] >> 3, message[at] & 7);
            at++;
            int start = at, length;
            if (kind == 2)
            {
                int size = VarintLength(message, at);
                length = (int)Varint(message[at..(at + size)]);
                start += size;
            }
            else
            {
                length = kind switch { 0 => VarintLength(message, at), 1 => 8, 5 => 4, _ => throw new InvalidOperationException($"wire type {kind}") };
            }

            if (number == wanted) return message[start..(start + length)];
            at = start + length;
        }

        return null;
    }

    private static int VarintLength(byte[] message, int at)
    {
        int length = 1;
        while (message[at + length - 1] >= 0x80) length++;
        return length;
    }

    private static ulong Varint(byte[] bytes) => bytes.Reverse().Aggregate(0UL, (value, b) => (value << 7) | (b & 0x7FUL));

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    }
}
