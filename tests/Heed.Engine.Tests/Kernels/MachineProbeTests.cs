using Heed.Engine.Kernels;

namespace Heed.Engine.Tests.Kernels;

[Collection("Threads")]
public sealed class MachineProbeTests
{
    [Fact]
    public void Both_limits_are_positive_numbers()
    {
        Assert.True(double.IsFinite(MachineProbe.PeakGigaflops(0.001)) && MachineProbe.PeakGigaflops(0.001) > 0);
        (double peak, double mean) = MachineProbe.PeakAndMeanGigaflops(0.01);
        Assert.InRange(mean, double.Epsilon, peak);
        double bandwidth = MachineProbe.BandwidthGigabytes(4 << 20, 1);
        Assert.True(double.IsFinite(bandwidth) && bandwidth > 0);
        Assert.NotEmpty(MachineProbe.InstructionSet);
    }

    [Fact]
    public void Senseless_sizes_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MachineProbe.PeakGigaflops(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => MachineProbe.BandwidthGigabytes(1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => MachineProbe.BandwidthGigabytes(1 << 20, 0));
    }
}
