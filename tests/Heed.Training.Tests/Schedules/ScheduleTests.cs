using System.Text.Json;
using Heed.Checkpoints;
using Heed.Testing;
using Heed.Training.Schedules;

namespace Heed.Training.Tests.Schedules;

public class ScheduleTests
{
    public static TheoryData<string> Cases => [.. Schedules.Keys];

    /// <summary>The settings of goldens/modules/schedules.json.</summary>
    private static Dictionary<string, Schedule> Schedules { get; } = new()
    {
        ["constant"] = new ConstantSchedule(1e-3),
        ["constant_with_warmup"] = new ConstantSchedule(1e-3, 6),
        ["linear"] = new LinearSchedule(1e-3, 6, 100),
        ["cosine"] = new CosineSchedule(1e-3, 10, 100),
        ["cosine_with_restarts"] = new CosineRestartsSchedule(1e-3, 10, 100, 3),
        ["polynomial"] = new PolynomialSchedule(1e-3, 10, 100, 2, 1e-5),
        ["inverse_sqrt"] = new InverseSquareRootSchedule(1e-3, 10),
        ["cosine_with_min_lr"] = new CosineSchedule(1e-3, 10, 100, 0.1),
        ["warmup_stable_decay"] = new WarmupStableDecaySchedule(1e-3, 10, 100, 30, 0.1),
    };

    [Theory, MemberData(nameof(Cases))]
    public void Rates_are_those_of_the_reference(string name)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "modules", "schedules.safetensors"));
        double[] expected = Doubles(file, name);
        for (int step = 0; step < expected.Length; step++)
            Assert.True(Math.Abs(expected[step] - Schedules[name].Rate(step)) <= 1e-9 * Math.Max(1e-3, Math.Abs(expected[step])), $"{name}, step {step}: {Schedules[name].Rate(step)} for {expected[step]}");
    }

    [Fact]
    public void The_rate_of_2017_is_the_papers()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "modules", "schedules.safetensors"));
        double[] expected = Doubles(file, "noam");
        NoamSchedule noam = new(512, 4000);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], noam.Rate(i * 100), 1e-9 * expected[i]);
    }

    [Fact]
    public void Every_reference_schedule_is_compared()
    {
        using JsonDocument settings = StrictJson.ReadFile(Path.Combine(Repository.Goldens, "modules", "schedules.json"));
        string[] names = [.. settings.RootElement.EnumerateObject().Select(p => p.Name).Where(n => n != "noam")];
        Assert.Equal(names.Order(), Schedules.Keys.Order());
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_list()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Schedule.Create("cosinus", 1, 0, 10));
        Assert.Contains("cosine", e.Message, StringComparison.Ordinal);
    }

    private static double[] Doubles(SafetensorsFile file, string name)
    {
        byte[] bytes = file[name + "/rates"].ToBytes();
        double[] values = new double[bytes.Length / 8];
        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return values;
    }
}
